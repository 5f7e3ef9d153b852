/// What an NFS server must remember on stable storage so that its successor knows which clients may reclaim
/// (RFC 8881 section 8.4.2.1).
///
/// A record belongs to a server's hostname and holds versions, one for each server instance. One version at most is
/// active: it names the clients that may reclaim from the next instance. A server instance opens its own version, adds
/// its clients to it, and activates it when its grace period is over.
///
/// Only the version opened last is written to: whoever opens one fences all earlier instances of the server. Whatever
/// names another version throws ``RecoveryError/superseded(_:_:)``, however long ago that one was opened.
///
/// A call that returns has its effect on stable storage. A call that throws ``RecoveryError/unavailable(_:)`` may or
/// may not have had its effect.
package protocol RecoveryStore: Sendable {
    /// Opens an empty version, which supersedes all others; the newest version is emptied when it is opened again. The
    /// clients of a version that was opened before and not activated are forgotten: nobody may reclaim from it.
    ///
    /// An instance that opens a further version says which one it `replaced`, and is refused with
    /// ``RecoveryError/superseded(_:_:)`` if a newer instance has opened one since. While it has no answer it repeats the
    /// call with the same version, as the first call may have had its effect.
    func open(_ version: RecoveryVersion, replacing replaced: RecoveryVersion?, for hostname: ServerHostname) async throws(RecoveryError)

    /// The clients of the active version, empty while no version is active. Throws
    /// ``RecoveryError/unknownHost(_:)`` for a host that never opened a version.
    func activeClients(of hostname: ServerHostname) async throws(RecoveryError) -> Set<ClientIdentity>

    /// Makes `version` the active one and forgets the clients of the previously active one. Activating the active version
    /// changes nothing.
    ///
    /// Longhorn's own backend deletes a version that is activated twice. After a failure a caller therefore does not
    /// repeat the call, it opens a fresh version, adds its clients to it and activates that one.
    func activate(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError)

    /// Adds clients to a version; a client that is there stays as it is. A call that throws may have added some of them.
    func add(_ clients: Set<ClientIdentity>, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError)

    /// Removes a client from the active version; nothing happens when it is not there or no version is active.
    ///
    /// Versions that are not active keep the client: it may just have reclaimed from the instance that opened one of
    /// them. A server whose own version is not yet active therefore removes the client again after activation.
    func remove(_ client: ClientIdentity, of hostname: ServerHostname) async throws(RecoveryError)

    /// Records the filehandle of a delegation that was revoked from a client of a version, so that the client cannot
    /// reclaim that delegation (RFC 8881 section 8.4.2.1).
    func add(
        _ handle: RevokedFileHandle, of client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname
    ) async throws(RecoveryError)

    /// Releases files, connections and threads. No call follows it.
    func close() async
}

extension RecoveryStore {
    /// Opens the first version of an instance.
    package func open(_ version: RecoveryVersion, for hostname: ServerHostname) async throws(RecoveryError) {
        try await open(version, replacing: nil, for: hostname)
    }

    package func add(_ client: ClientIdentity, to version: RecoveryVersion, of hostname: ServerHostname) async throws(RecoveryError) {
        try await add([client], to: version, of: hostname)
    }
}
