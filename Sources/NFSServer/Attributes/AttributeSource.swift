import FileSystem
import NFSProtocol
import XDR

/// Everything attributes of one file are answered from.
struct AttributeSource: ~Copyable {
    let file: CurrentFile
    let attributes: FileAttributes
    private let server: NFSServer
    /// What is gathered only when it is asked for.
    private let statistics: FileSystemStatistics?
    private let owner: OwnerText?
    private let group: OwnerText?
    private let acl: EncodedACL?

    /// The attributes that need `statistics`.
    private static let fileSystemWide = AttributeSet(
        .filesAvailable, .filesFree, .filesTotal, .maximumFileSize, .maximumLink, .maximumName, .spaceAvailable, .spaceFree,
        .spaceTotal)

    /// Gathers what is needed for `wanted`.
    init(_ file: CurrentFile, wanted: AttributeSet, server: NFSServer, caller: Caller) throws(NFSStatus) {
        try self.init(file, file.node.attributes(caller), wanted: wanted, server: server, caller: caller)
    }

    /// Gathers what is needed for `wanted` beside `attributes`.
    init(_ file: CurrentFile, _ attributes: FileAttributes, wanted: AttributeSet, server: NFSServer, caller: Caller) throws(NFSStatus) {
        let statistics = wanted.intersection(Self.fileSystemWide).isEmpty ? nil : try file.node.statistics(caller)
        let owners = server.owners
        let owner = wanted.contains(.owner) ? try owners.text(of: attributes.owner, .user, mayBlock: caller.mayBlock) : nil
        let group = wanted.contains(.ownerGroup) ? try owners.text(of: attributes.group, .group, mayBlock: caller.mayBlock) : nil
        let hasACL = wanted.contains(.acl) && file.node.fileSystemFeatures.contains(.accessControlLists)
        let acl = hasACL ? try EncodedACL(file.node.accessControlList(caller), owners, caller) : nil
        self.file = file
        self.attributes = attributes
        self.server = server
        self.statistics = statistics
        self.owner = owner
        self.group = group
        self.acl = acl
    }

    /// Writes fattr4 (RFC 8881 §3.3.9): those of `wanted` that this server knows and can answer for this file.
    func encode(_ wanted: AttributeSet, to reply: inout XDRWriter) { encode(AttributePlan(wanted, for: self), to: &reply) }

    /// The same by a plan that `fits` this file.
    func encode(_ plan: borrowing AttributePlan, to reply: inout XDRWriter) {
        plan.answered.encode(to: &reply)
        let lengthPosition = reply.count
        reply.uint32(0)
        for index in 0..<plan.count { encode(plan.order[index], to: &reply) }
        guard !reply.overflowed else { return }
        reply.patch(UInt32(reply.count - lengthPosition - 4), at: lengthPosition)
    }

    private func encode(_ attribute: Attribute, to reply: inout XDRWriter) {
        switch attribute {
        case .supportedAttributes: AttributeSupport.supported(on: file.node.fileSystemFeatures).encode(to: &reply)
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
        case .leaseTime: reply.uint32(server.limits.leaseSeconds)
        case .readdirAttributeError: reply.uint32(NFSStatus.ok.rawValue)
        case .acl: acl?.encode(to: &reply)
        case .aclSupport: reply.uint32(AttributeSupport.aceTypes(on: file.node.fileSystemFeatures))
        case .filehandle: file.wireHandle.withBytes { reply.opaque($0) }
        case .fileID: reply.uint64(attributes.fileID)
        case .filesAvailable: reply.uint64(statistics?.filesAvailable ?? 0)
        case .filesFree: reply.uint64(statistics?.filesFree ?? 0)
        case .filesTotal: reply.uint64(statistics?.filesTotal ?? 0)
        case .fsLocations: encodeLocations(to: &reply)
        case .maximumFileSize: reply.uint64(statistics?.maximumFileSize ?? 0)
        case .maximumLink: reply.uint32(statistics?.maximumLinks ?? 0)
        case .maximumName: reply.uint32(statistics?.maximumNameLength ?? 0)
        case .maximumRead, .maximumWrite: reply.uint64(UInt64(server.limits.maximumTransfer))
        case .mode: reply.uint32(attributes.mode)
        case .numberOfLinks: reply.uint32(attributes.linkCount)
        case .owner: owner?.encode(to: &reply)
        case .ownerGroup: group?.encode(to: &reply)
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
        case .supportedAttributesExclusiveCreate:
            AttributeSupport.settable(.exclusiveCreation, on: file.node.fileSystemFeatures).encode(to: &reply)
        case .archive, .hidden, .mimeType, .quotaAvailableHard, .quotaAvailableSoft, .quotaUsed, .system, .timeAccessSet, .timeBackup,
            .timeModifySet, .layoutHint, .retentionSet, .retentionEventSet, .modeSetMasked:
            break  // never answered
        }
    }

    /// fs_locations4: where the file system is in this server's name space, and that it is nowhere else (RFC 8881 §11.16).
    private func encodeLocations(to reply: inout XDRWriter) {
        let path = file.export.pseudoPath.split(separator: "/")
        reply.uint32(UInt32(path.count))
        for component in path { reply.string(String(component)) }
        reply.uint32(0)
    }
}
