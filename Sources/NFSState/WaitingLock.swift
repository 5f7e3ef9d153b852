import NFSProtocol

/// A blocking lock request that was denied, of a client that can be called when the lock may be had (RFC 8881 §9.6).
struct WaitingLock: Sendable {
    /// The filehandle is that of the client, which knows the file by it.
    let waiter: LockWaiter
    /// The open it asks under, and ends with.
    let open: StateID.Other
    let type: LockType
    let range: ByteRange
    /// When the client last asked.
    var asked: MonotonicTime
    /// When it was told that it may come: the lock is kept for it for a while.
    var called: MonotonicTime?

    var client: Client { waiter.client }

    func isOf(_ client: Client, _ owner: [UInt8]) -> Bool { waiter.client === client && waiter.owner == owner }

    /// Whether a lock of another owner could not be held beside this one.
    func excludes(_ client: Client, _ owner: [UInt8], _ type: LockType, _ range: ByteRange) -> Bool {
        !isOf(client, owner) && self.range.overlaps(range) && (self.type == .write || type == .write)
    }

    /// As the answer to somebody who would take what is kept for this one.
    var denial: LockDenied { LockDenied(range: range, type: type, client: client, owner: waiter.owner) }
}

/// A lock that a waiter may have now.
package struct FreedLock: Sendable {
    package let waiter: LockWaiter
    /// The file, as the table names it.
    package let file: FileHandle
}
