/// stable_how4: how durable a WRITE is when it is answered (RFC 8881 §18.32.2).
@frozen @usableFromInline package enum WriteStability: UInt32, Sendable, Comparable {
    /// UNSTABLE4: may be lost until COMMIT.
    case unstable = 0
    /// DATA_SYNC4: the data, and what is needed to find it, is on stable storage.
    case dataSync = 1
    /// FILE_SYNC4: the data and all attributes are on stable storage.
    case fileSync = 2

    @inlinable package static func < (left: WriteStability, right: WriteStability) -> Bool { left.rawValue < right.rawValue }
}
