import FileSystem
import NFSProtocol
import NFSState

/// What operations on opens, locks and file data have in common.
extension Compound {
    /// The client whose session the compound runs in. Operations behind SEQUENCE have one.
    func client() throws(NFSStatus) -> Client {
        guard let session else { throw .opNotInSession }
        return session.client
    }

    var now: MonotonicTime { MonotonicTime(nanoseconds: server.clock.now()) }

    /// The stateid an operation means: the current one where the client says so (RFC 8881 §8.2.3, §16.2.3.1.2).
    /// - Parameter keepsSeqid: whether the seqid of the current stateid counts; otherwise the latest state is meant, whatever
    ///   changed it meanwhile.
    /// - Throws: `badStateid` when there is no current stateid or it is a special one, and for the invalid one.
    func resolve(_ stateID: StateID, keepsSeqid: Bool = false) throws(NFSStatus) -> StateID {
        guard stateID != .invalid else { throw .badStateid }
        guard stateID == .current else { return stateID }
        guard let currentStateID, !currentStateID.isSpecial else { throw .badStateid }
        return keepsSeqid ? currentStateID : StateID(seqid: 0, other: currentStateID.other)
    }

    /// Checks that nobody may be about to reclaim what this operation would take from them. A request that came in grace is
    /// held for a while first: the end is seldom far, and a client that was refused waits longer each time.
    /// - Throws: `grace`.
    func requireNoGrace() throws(NFSStatus) {
        guard server.recovery.isInGrace else { return }
        guard hasWaited else { try wait(for: .endOfGrace) }
        throw .grace
    }

    /// Checks that the client may have new opens and locks.
    /// - Throws: `grace` in the grace period, and to a client that has yet to send RECLAIM_COMPLETE (RFC 8881 §18.51.3).
    func requireNewStateAllowed() throws(NFSStatus) {
        try requireNoGrace()
        let client = try client()
        guard client.isReclaimComplete else { throw .grace }
        try requireRecorded(client)
    }

    /// Checks that the client may reclaim. It gets onto this instance's record with RECLAIM_COMPLETE: until the grace period
    /// is over the last instance's record is in force, and has it; one that reclaimed in part and went away must not be let in
    /// once others may have been granted the rest (RFC 8881 §8.4.3).
    /// - Throws: `noGrace`.
    func requireReclaimAllowed() throws(NFSStatus) {
        try server.recovery.checkReclaim(client())
    }

    /// Waits until the client's name is on stable storage: nothing it could later reclaim may be acknowledged before.
    /// - Throws: `expired` for a client that is gone; `delay` for one that may not know yet of a revocation.
    func requireRecorded(_ client: Client) throws(NFSStatus) {
        guard !client.isGone else { throw .expired }
        guard !client.isBeingRevoked, client.knowsOfRevocation else { throw .delay }
        guard client.isRecorded else { try wait(for: .clientRecord(client)) }
    }

    /// Called when state of `holder` stands in the way. A holder whose lease has run out loses all its state to whoever comes, and
    /// the current operation runs again when it is gone (RFC 8881 §8.4.3).
    /// - Throws: `wouldBlock` then, `delay` while another request waits for the same; otherwise it returns, and the conflict
    ///   stands.
    func displace(_ holder: Client) throws(NFSStatus) {
        guard !holder.isGone, !holder.isBeingRevoked else { throw .delay }
        let now = now
        if server.clients.withLock({ $0.lapse(holder, now: now) }) { try wait(for: .revocation(holder)) }
    }

    /// The open file to read or write through, for a stateid as it stands in READ, WRITE and SETATTR.
    ///
    /// A stateid of an open or a lock brings its own; for a special one the file is opened as the caller, for this once.
    /// - Throws: `badStateid`, `oldStateid`, `expired`, `adminRevoked`, `openmode`; `locked` when a share reservation forbids;
    ///   `access`; `grace`.
    func openFile(_ stateID: StateID, of file: CurrentFile, _ access: ShareAccess) throws(NFSStatus) -> any OpenFile {
        if server.limits.graceIO == .strict { try requireNoGrace() }
        let stateID = try resolve(stateID)
        let key = file.stateKey
        guard stateID == .anonymous || stateID == .readBypass else {
            let client = try client()
            let resource = try server.files.withShard(of: key) { shard throws(NFSStatus) in
                try shard.check(stateID, of: key, client: client, access: access)
            }
            guard let opened = resource as? any OpenFile else {
                try requireNoGrace()  // somebody may yet reclaim a denial
                try requireNoDenial(of: access, to: key, besides: stateID)
                return try openOverriding(file, access)
            }
            // The right was looked at when the file was opened, and outlives a change of its mode. Anybody else who names the
            // stateid has to have the right (RFC 8881 §18.16.4).
            return opened.credentials == caller(on: file).credentials ? opened : try openOverriding(file, access)
        }
        try requireNoGrace()
        if stateID == .anonymous || access.contains(.write) { try requireNoDenial(of: access, to: key) }
        return try file.node.open(access, caller(on: file))
    }

    /// - Throws: `locked` when a share reservation forbids I/O; as `displace` when its holder's lease has run out.
    private func requireNoDenial(of access: ShareAccess, to key: FileHandle, besides own: StateID? = nil) throws(NFSStatus) {
        guard let holder = try server.files.withShard(of: key, { $0.denial(of: access, to: key, besides: own) }) else { return }
        try displace(holder)
        throw .locked
    }

    /// Opens a file that is open already, or was before a restart: its owner goes on with it, whatever its mode became.
    /// - Throws: `access`.
    func openOverriding(_ file: CurrentFile, _ access: ShareAccess) throws(NFSStatus) -> any OpenFile {
        let caller = caller(on: file)
        do throws(NFSStatus) {
            return try file.node.open(access, caller)
        } catch {
            guard error == .access, try file.node.attributes(caller).owner == caller.credentials.uid else { throw error }
            return try file.node.openGranted(access, caller)
        }
    }
}
