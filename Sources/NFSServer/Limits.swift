import NFSState

/// Numbers that bound what clients can ask of the server and are told to them.
package struct Limits: Sendable {
    /// Seconds a client's state is kept without hearing from it (RFC 8881 §8.3).
    package var leaseSeconds: UInt32
    /// Seconds clients have after a restart to reclaim their state (RFC 8881 §8.4.2).
    package var graceSeconds: UInt32
    /// Bytes of data in one READ or WRITE at most.
    package var maximumTransfer: Int
    /// What bounds clients, sessions, slots, opens and locks.
    package var state: StateLimits
    /// How long a request that came during grace is held before it is answered with NFS4ERR_GRACE, in milliseconds. The end
    /// of grace is seldom far, and a client that was refused waits longer each time: Linux up to 15 s.
    package var graceHoldMilliseconds: Int
    /// What becomes of READ and WRITE in the grace period.
    package var graceIO: GraceIO
    /// How long a client may take to answer a call to it, in milliseconds, before its back channel counts as down.
    package var callbackMilliseconds: Int
    /// RPCSEC_GSS contexts kept at most: one for each user of each client, and for each client itself.
    package var securityContexts: Int
    /// Seconds above which the log tells of an operation; 0 for never.
    package var slowOperationSeconds: UInt32

    package init(
        leaseSeconds: UInt32 = 60, graceSeconds: UInt32 = 90, maximumTransfer: Int = 1024 * 1024, state: StateLimits = StateLimits(),
        graceHoldMilliseconds: Int = 2000, graceIO: GraceIO = .strict, callbackMilliseconds: Int = 10_000,
        securityContexts: Int = 4096, slowOperationSeconds: UInt32 = 1
    ) {
        self.leaseSeconds = leaseSeconds
        self.graceSeconds = graceSeconds
        self.maximumTransfer = maximumTransfer
        self.state = state
        self.graceHoldMilliseconds = graceHoldMilliseconds
        self.graceIO = graceIO
        self.callbackMilliseconds = callbackMilliseconds
        self.securityContexts = securityContexts
        self.slowOperationSeconds = slowOperationSeconds
        self.state.messageBytes = maximumMessage
    }

    /// Which READ and WRITE are answered while clients may still reclaim (RFC 8881 §8.4.2.1).
    package enum GraceIO: String, CaseIterable, Sendable {
        /// None.
        case strict
        /// Those by stateids of reclaimed opens and locks. Byte-range locks are advisory, and no share reservation that could forbid
        /// this use can have existed beside it.
        case safe
    }

    /// Bytes of a request around the data of a WRITE, and of a reply around that of a READ, at most.
    static let overhead = 64 * 1024 - 4096

    /// The largest request and reply in bytes, without the RPC record mark.
    package var maximumMessage: Int { maximumTransfer + Self.overhead }
}
