/// The attributes of a file and of its file system, by number (RFC 8881 §5.6, §5.7).
@frozen @usableFromInline package enum Attribute: Int, Sendable, CaseIterable {
    case supportedAttributes = 0
    case type = 1
    case filehandleExpireType = 2
    case change = 3
    case size = 4
    case linkSupport = 5
    case symlinkSupport = 6
    case namedAttributes = 7
    case fsid = 8
    case uniqueHandles = 9
    case leaseTime = 10
    case readdirAttributeError = 11
    case acl = 12
    case aclSupport = 13
    case archive = 14
    case canSetTime = 15
    case caseInsensitive = 16
    case casePreserving = 17
    case chownRestricted = 18
    case filehandle = 19
    case fileID = 20
    case filesAvailable = 21
    case filesFree = 22
    case filesTotal = 23
    case fsLocations = 24
    case hidden = 25
    case homogeneous = 26
    case maximumFileSize = 27
    case maximumLink = 28
    case maximumName = 29
    case maximumRead = 30
    case maximumWrite = 31
    case mimeType = 32
    case mode = 33
    case noTruncation = 34
    case numberOfLinks = 35
    case owner = 36
    case ownerGroup = 37
    case quotaAvailableHard = 38
    case quotaAvailableSoft = 39
    case quotaUsed = 40
    case rawDevice = 41
    case spaceAvailable = 42
    case spaceFree = 43
    case spaceTotal = 44
    case spaceUsed = 45
    case system = 46
    case timeAccess = 47
    case timeAccessSet = 48
    case timeBackup = 49
    case timeCreate = 50
    case timeDelta = 51
    case timeMetadata = 52
    case timeModify = 53
    case timeModifySet = 54
    case mountedOnFileID = 55
    case layoutHint = 63
    case retentionSet = 70
    case retentionEventSet = 72
    case modeSetMasked = 74
    case supportedAttributesExclusiveCreate = 75
}

/// bitmap4 as used for attributes: a set of attribute numbers (RFC 8881 §3.3.7). No attribute has a number above 126; whatever
/// such numbers are read is kept as 127.
@frozen @usableFromInline package struct AttributeSet: Hashable, Sendable {
    @usableFromInline var low: UInt64
    @usableFromInline var high: UInt64

    @inlinable package init() {
        low = 0
        high = 0
    }

    package init(_ attributes: Attribute...) {
        self.init()
        for attribute in attributes { insert(attribute) }
    }

    @inlinable
    package func contains(_ attribute: Attribute) -> Bool {
        let number = attribute.rawValue
        return (number < 64 ? low >> UInt64(number) : high >> UInt64(number - 64)) & 1 == 1
    }

    @inlinable
    package mutating func insert(_ attribute: Attribute) {
        let number = attribute.rawValue
        if number < 64 { low |= 1 << UInt64(number) } else { high |= 1 << UInt64(number - 64) }
    }

    @inlinable package var isEmpty: Bool { low == 0 && high == 0 }

    @inlinable package func intersection(_ other: AttributeSet) -> AttributeSet {
        AttributeSet(low: low & other.low, high: high & other.high)
    }

    @inlinable package func subtracting(_ other: AttributeSet) -> AttributeSet {
        AttributeSet(low: low & ~other.low, high: high & ~other.high)
    }

    @inlinable package func union(_ other: AttributeSet) -> AttributeSet { AttributeSet(low: low | other.low, high: high | other.high) }

    @inlinable
    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    /// Takes out the lowest attribute number in the set.
    @inlinable
    package mutating func popFirst() -> Int? {
        if low != 0 {
            let number = low.trailingZeroBitCount
            low &= low &- 1
            return number
        }
        guard high != 0 else { return nil }
        let number = high.trailingZeroBitCount
        high &= high &- 1
        return number + 64
    }
}
