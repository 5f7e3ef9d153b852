/// Who asks for something, as the operating system knows them.
package struct Credentials: Hashable, Sendable {
    package var uid: UInt32
    package var gid: UInt32
    /// Supplementary groups.
    package var groups: [UInt32]

    package init(uid: UInt32, gid: UInt32, groups: [UInt32] = []) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// The superuser: what the server itself acts as.
    package static let superuser = Credentials(uid: 0, gid: 0)
}

/// On whose behalf, and under which condition, a call into a file system is made.
package struct Caller: Sendable {
    package var credentials: Credentials
    /// False on an event loop: a call that would have to wait for a device throws `NFSStatus.wouldBlock` before it has any
    /// side effect, and is made again with true on a thread that may wait.
    package var mayBlock: Bool
    /// Where calls that change names leave what is to be on stable storage before anybody hears of the change, for the caller to see
    /// to it. Nil when they are to do so themselves.
    package var unflushed: Unflushed?

    package init(_ credentials: Credentials, mayBlock: Bool, unflushed: Unflushed? = nil) {
        self.credentials = credentials
        self.mayBlock = mayBlock
        self.unflushed = unflushed
    }
}

/// Files to be flushed (`Node.persist`). Unchecked because one thread at a time works for a caller.
package final class Unflushed: @unchecked Sendable {
    package var nodes: [any Node] = []

    package init() {}
}
