import FileSystem
import NFSProtocol

/// Which attributes clients can read and set (RFC 8881 §5). supported_attrs holds for a whole file system.
///
/// Not supported are attributes Linux file systems have nothing to answer from: archive, hidden, system, mimetype, time_backup,
/// quota_* and retention; dacl, whose flags of automatic inheritance a POSIX list has no place for, and sacl, as nothing is
/// audited; those of pNFS.
enum AttributeSupport {
    /// What every file system here answers, attributes that can only be set not among them.
    private static let always = AttributeSet(
        .supportedAttributes, .type, .filehandleExpireType, .change, .size, .linkSupport, .symlinkSupport, .namedAttributes,
        .fsid, .uniqueHandles, .leaseTime, .readdirAttributeError, .aclSupport, .canSetTime, .caseInsensitive, .casePreserving,
        .chownRestricted, .filehandle, .fileID, .filesAvailable, .filesFree, .filesTotal, .fsLocations, .homogeneous, .maximumFileSize,
        .maximumLink, .maximumName, .maximumRead, .maximumWrite, .mode, .noTruncation, .numberOfLinks, .owner, .ownerGroup,
        .rawDevice, .spaceAvailable, .spaceFree, .spaceTotal, .spaceUsed, .timeAccess, .timeDelta, .timeMetadata,
        .timeModify, .mountedOnFileID, .supportedAttributesExclusiveCreate)
    /// Every attribute the protocol has to be set alone: to read one is an error, whether or not it is supported (§5.5).
    static let writeOnly = AttributeSet(
        .timeAccessSet, .timeModifySet, .layoutHint, .retentionSet, .retentionEventSet, .modeSetMasked)
    private static let settableAlone = AttributeSet(.timeAccessSet, .timeModifySet, .modeSetMasked)

    static func readable(on features: FileSystemFeatures) -> AttributeSet {
        var attributes = always
        if features.contains(.creationTime) { attributes.insert(.timeCreate) }
        if features.contains(.accessControlLists) { attributes.insert(.acl) }
        return attributes
    }

    static func supported(on features: FileSystemFeatures) -> AttributeSet { readable(on: features).union(settableAlone) }

    /// ACL4_SUPPORT_ALLOW_ACL and ACL4_SUPPORT_DENY_ACL, or none (§6.2.1.2).
    static func aceTypes(on features: FileSystemFeatures) -> UInt32 { features.contains(.accessControlLists) ? 3 : 0 }

    /// Where attributes are set.
    enum Place {
        case existingFile
        case creation
        /// The times of the file hold the verifier (§18.16.3).
        case exclusiveCreation
    }

    static func settable(_ place: Place, on features: FileSystemFeatures) -> AttributeSet {
        var attributes = AttributeSet(.size, .mode, .owner, .ownerGroup)
        if features.contains(.accessControlLists) { attributes.insert(.acl) }
        switch place {
        // mode_set_masked says nothing of a file that has no mode yet (§6.2.5).
        case .existingFile: return attributes.union(settableAlone)
        case .creation: return attributes.union(AttributeSet(.timeAccessSet, .timeModifySet))
        case .exclusiveCreation: return attributes
        }
    }
}
