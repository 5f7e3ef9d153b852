/// Attribute numbers (RFC 8881 §5.8, §5.11 to §5.13) of which the test client knows the encoding.
package enum Attribute: UInt32, CaseIterable, Sendable {
    case supportedAttrs = 0
    case type, fhExpireType, change, size, linkSupport, symlinkSupport, namedAttr, fsid, uniqueHandles, leaseTime, rdattrError
    case acl, aclSupport, archive, canSetTime, caseInsensitive, casePreserving, chownRestricted, fileHandle, fileID
    case filesAvail, filesFree, filesTotal, fsLocations, hidden, homogeneous, maxFileSize, maxLink, maxName, maxRead, maxWrite
    case mimeType, mode, noTrunc, numLinks, owner, ownerGroup, quotaAvailHard, quotaAvailSoft, quotaUsed, rawDev
    case spaceAvail, spaceFree, spaceTotal, spaceUsed, system, timeAccess, timeAccessSet, timeBackup, timeCreate, timeDelta
    case timeMetadata, timeModify, timeModifySet, mountedOnFileID, dirNotifDelay, direntNotifDelay, dacl, sacl, changePolicy
    case fsStatus, fsLayoutTypes, layoutHint, layoutTypes, layoutBlockSize, layoutAlignment
    case retentionSet = 70
    case retentEvtSet = 72
    case modeSetMasked = 74
    case suppAttrExclCreat = 75
    case fsCharsetCap = 76

    /// The attributes every server must support (RFC 8881 §5.6, Table 3), in order.
    package static let required: [Attribute] = [
        .supportedAttrs, .type, .fhExpireType, .change, .size, .linkSupport, .symlinkSupport, .namedAttr, .fsid, .uniqueHandles,
        .leaseTime, .rdattrError, .fileHandle, .suppAttrExclCreat,
    ]

    /// The attributes that can be set and not read (RFC 8881 §5.7).
    package static let setOnly: [Attribute] = [.timeAccessSet, .timeModifySet, .layoutHint, .retentionSet, .retentEvtSet, .modeSetMasked]

    enum Kind {
        case attributeSet, uint32, uint64, bool, uint32Pair, uint64Pair, uint32Array, time, setTime, bytes, string, acl, acl41, locations
        case unknown
    }

    var kind: Kind {
        switch self {
        case .supportedAttrs, .suppAttrExclCreat: .attributeSet
        case .type, .fhExpireType, .leaseTime, .rdattrError, .aclSupport, .maxLink, .maxName, .mode, .numLinks, .layoutBlockSize,
            .layoutAlignment, .fsCharsetCap:
            .uint32
        case .change, .size, .fileID, .filesAvail, .filesFree, .filesTotal, .maxFileSize, .maxRead, .maxWrite, .quotaAvailHard,
            .quotaAvailSoft, .quotaUsed, .spaceAvail, .spaceFree, .spaceTotal, .spaceUsed, .mountedOnFileID:
            .uint64
        case .linkSupport, .symlinkSupport, .namedAttr, .uniqueHandles, .archive, .canSetTime, .caseInsensitive, .casePreserving,
            .chownRestricted, .hidden, .homogeneous, .noTrunc, .system:
            .bool
        case .rawDev, .modeSetMasked: .uint32Pair
        case .fsid, .changePolicy: .uint64Pair
        case .fsLayoutTypes, .layoutTypes: .uint32Array
        case .timeAccess, .timeBackup, .timeCreate, .timeDelta, .timeMetadata, .timeModify, .dirNotifDelay, .direntNotifDelay: .time
        case .timeAccessSet, .timeModifySet: .setTime
        case .fileHandle: .bytes
        case .mimeType, .owner, .ownerGroup: .string
        case .acl: .acl
        case .dacl, .sacl: .acl41
        case .fsLocations: .locations
        case .fsStatus, .layoutHint, .retentionSet, .retentEvtSet: .unknown
        }
    }
}

/// bitmap4.
package struct AttributeSet: Hashable, Sendable, ExpressibleByArrayLiteral {
    package var words: [UInt32]

    package init(words: [UInt32]) { self.words = words }

    package init(_ attributes: some Sequence<Attribute>) {
        words = []
        for attribute in attributes { insert(attribute.rawValue) }
    }

    package init(arrayLiteral elements: Attribute...) { self.init(elements) }

    package mutating func insert(_ bit: UInt32) {
        while words.count <= Int(bit / 32) { words.append(0) }
        words[Int(bit / 32)] |= 1 << (bit % 32)
    }

    package func contains(_ attribute: Attribute) -> Bool { bits.contains(attribute.rawValue) }

    package var bits: [UInt32] {
        words.enumerated().flatMap { index, word in
            (0..<UInt32(32)).filter { word >> $0 & 1 == 1 }.map { UInt32(index) * 32 + $0 }
        }
    }
}

extension XDREncoder {
    mutating func attributeSet(_ set: AttributeSet) { array(set.words) { $0.uint32($1) } }
}

extension XDRDecoder {
    mutating func attributeSet() throws -> AttributeSet { AttributeSet(words: try array { try $0.uint32() }) }
}
