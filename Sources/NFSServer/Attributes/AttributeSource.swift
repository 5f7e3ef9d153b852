import FileSystem
import NFSProtocol
import XDR

/// Everything attributes of one file are answered from.
struct AttributeSource {
    let file: CurrentFile
    let attributes: FileAttributes
    /// Taken only when one of `fileSystemWide` is asked for.
    let statistics: FileSystemStatistics?
    let limits: Limits

    /// The attributes this server answers with, write-only ones not among them.
    static let readable = AttributeSet(
        .supportedAttributes, .type, .filehandleExpireType, .change, .size, .linkSupport, .symlinkSupport, .namedAttributes,
        .fsid, .uniqueHandles, .leaseTime, .readdirAttributeError, .aclSupport, .canSetTime, .caseInsensitive, .casePreserving,
        .chownRestricted, .filehandle, .fileID, .filesAvailable, .filesFree, .filesTotal, .homogeneous, .maximumFileSize,
        .maximumLink, .maximumName, .maximumRead, .maximumWrite, .mode, .noTruncation, .numberOfLinks, .owner, .ownerGroup,
        .rawDevice, .spaceAvailable, .spaceFree, .spaceTotal, .spaceUsed, .timeAccess, .timeCreate, .timeDelta, .timeMetadata,
        .timeModify, .mountedOnFileID, .supportedAttributesExclusiveCreate)
    /// The attributes that can only be set (RFC 8881 §5.5).
    static let writeOnly = AttributeSet(.timeAccessSet, .timeModifySet, .modeSetMasked)
    /// The attributes a client can set.
    static let settable = AttributeSet(.size, .mode, .owner, .ownerGroup, .timeAccessSet, .timeModifySet, .modeSetMasked)
    /// What can be set in an exclusive create: its verifier is kept in the file's times, which are thereby taken
    /// (RFC 8881 §18.16.3).
    static let settableInExclusiveCreate = AttributeSet(.size, .mode, .owner, .ownerGroup, .modeSetMasked)
    /// The attributes that need `statistics`.
    static let fileSystemWide = AttributeSet(
        .filesAvailable, .filesFree, .filesTotal, .maximumFileSize, .maximumLink, .maximumName, .spaceAvailable, .spaceFree,
        .spaceTotal)

    /// Gathers what is needed for `wanted`.
    init(_ file: CurrentFile, wanted: AttributeSet, limits: Limits, caller: Caller) throws(NFSStatus) {
        self.file = file
        self.limits = limits
        attributes = try file.node.attributes(caller)
        statistics = wanted.intersection(Self.fileSystemWide).isEmpty ? nil : try file.node.statistics(caller)
    }

    /// Writes fattr4 (RFC 8881 §3.3.9): those of `wanted` that this server knows and can answer for this file.
    func encode(_ wanted: AttributeSet, to reply: inout XDRWriter) {
        var answered = wanted.intersection(Self.readable)
        if attributes.createTime == nil { answered = answered.subtracting(AttributeSet(.timeCreate)) }
        answered.encode(to: &reply)
        let lengthPosition = reply.count
        reply.uint32(0)
        while let number = answered.popFirst() {
            if let attribute = Attribute(rawValue: number) { encode(attribute, to: &reply) }
        }
        guard !reply.overflowed else { return }
        reply.patch(UInt32(reply.count - lengthPosition - 4), at: lengthPosition)
    }

    private func encode(_ attribute: Attribute, to reply: inout XDRWriter) {
        switch attribute {
        case .supportedAttributes: Self.readable.union(Self.writeOnly).encode(to: &reply)
        case .type: reply.uint32(attributes.type.rawValue)
        case .filehandleExpireType: reply.uint32(0)  // FH4_PERSISTENT
        case .change: reply.uint64(attributes.change)
        case .size: reply.uint64(attributes.size)
        case .linkSupport, .symlinkSupport, .uniqueHandles, .canSetTime, .casePreserving, .chownRestricted, .homogeneous,
            .noTruncation:
            reply.bool(true)
        case .namedAttributes, .caseInsensitive: reply.bool(false)
        case .fsid:
            let fsid = file.export.fsid(of: file.node)
            reply.uint64(fsid.major)
            reply.uint64(fsid.minor)
        case .leaseTime: reply.uint32(limits.leaseSeconds)
        case .readdirAttributeError: reply.uint32(NFSStatus.ok.rawValue)
        case .aclSupport: reply.uint32(0)
        case .filehandle: file.wireHandle.withBytes { reply.opaque($0) }
        case .fileID: reply.uint64(attributes.fileID)
        case .filesAvailable: reply.uint64(statistics?.filesAvailable ?? 0)
        case .filesFree: reply.uint64(statistics?.filesFree ?? 0)
        case .filesTotal: reply.uint64(statistics?.filesTotal ?? 0)
        case .maximumFileSize: reply.uint64(statistics?.maximumFileSize ?? 0)
        case .maximumLink: reply.uint32(statistics?.maximumLinks ?? 0)
        case .maximumName: reply.uint32(statistics?.maximumNameLength ?? 0)
        case .maximumRead, .maximumWrite: reply.uint64(UInt64(limits.maximumTransfer))
        case .mode: reply.uint32(attributes.mode)
        case .numberOfLinks: reply.uint32(attributes.linkCount)
        case .owner: Owner.encode(attributes.owner, to: &reply)
        case .ownerGroup: Owner.encode(attributes.group, to: &reply)
        case .rawDevice:
            reply.uint32(attributes.device.major)
            reply.uint32(attributes.device.minor)
        case .spaceAvailable: reply.uint64(statistics?.bytesAvailable ?? 0)
        case .spaceFree: reply.uint64(statistics?.bytesFree ?? 0)
        case .spaceTotal: reply.uint64(statistics?.bytesTotal ?? 0)
        case .spaceUsed: reply.uint64(attributes.spaceUsed)
        case .timeAccess: attributes.accessTime.encode(to: &reply)
        case .timeCreate: attributes.createTime?.encode(to: &reply)
        case .timeDelta: Timestamp(seconds: 0, nanoseconds: 1).encode(to: &reply)
        case .timeMetadata: attributes.metadataTime.encode(to: &reply)
        case .timeModify: attributes.modifyTime.encode(to: &reply)
        case .mountedOnFileID: reply.uint64(file.export.fileIDMountedOn(for: file.node) ?? attributes.fileID)
        case .supportedAttributesExclusiveCreate: Self.settableInExclusiveCreate.encode(to: &reply)
        case .acl, .archive, .fsLocations, .hidden, .mimeType, .quotaAvailableHard, .quotaAvailableSoft, .quotaUsed, .system,
            .timeAccessSet, .timeBackup, .timeModifySet, .modeSetMasked:
            break  // not among `readable`
        }
    }
}
