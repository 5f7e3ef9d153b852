import NFSProtocol

/// A range of bytes of a file, as LOCK names it (RFC 8881 §18.10.1).
package struct ByteRange: Hashable, Sendable {
    package let first: UInt64
    /// The last byte, itself locked; `UInt64.max` for a range without end.
    package let last: UInt64

    init(first: UInt64, last: UInt64) {
        self.first = first
        self.last = last
    }

    /// - Parameter length: all ones for all bytes from `offset` on.
    /// - Throws: `inval` for no bytes, and for a range that runs past 2^64-1 (§18.10.3).
    package init(offset: UInt64, length: UInt64) throws(NFSStatus) {
        guard length > 0 else { throw .inval }
        guard length == .max || length <= .max - offset else { throw .inval }
        first = offset
        last = length == .max ? .max : offset + (length - 1)
    }

    func overlaps(_ other: ByteRange) -> Bool { first <= other.last && other.first <= last }

    package var offset: UInt64 { first }
    /// All ones for a range without end.
    package var length: UInt64 { last == .max ? .max : last - first + 1 }
}

/// READ_LT and WRITE_LT; the waiting kinds READW_LT and WRITEW_LT ask for the same locks (nfs_lock_type4, §18.10.3).
package enum LockType: Sendable {
    case read
    case write
}

/// LOCK4denied: the lock that is in the way (§18.10.2).
package struct LockDenied: Sendable {
    package let range: ByteRange
    package let type: LockType
    package let client: Client
    package let owner: [UInt8]
}
