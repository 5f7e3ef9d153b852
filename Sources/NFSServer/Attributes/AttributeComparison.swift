import NFSProtocol
import XDR

/// The fattr4 of VERIFY and NVERIFY: attribute values to hold against a file's own (RFC 8881 §18.15, §18.31).
struct AttributeComparison: ~Escapable {
    private let attributes: AttributeSet
    private let values: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        attributes = try AttributeSet(from: &request)
        values = try request.opaque(maximum: request.remaining)
    }

    /// Whether the current file has exactly these values. The file's own are encoded behind the reply, compared as bytes,
    /// and taken back.
    /// - Throws: `attrnotsupp` for attributes this file or its file system does not have, `inval` for write-only ones,
    ///   rdattr_error and modes there are none of, `badxdr` when the values do not read.
    func matches(in compound: Compound, scratch reply: inout XDRWriter) throws(NFSStatus) -> Bool {
        let file = try compound.file()
        guard attributes.intersection(AttributeSupport.writeOnly.union(AttributeSet(.readdirAttributeError))).isEmpty else { throw .inval }
        guard attributes.subtracting(AttributeSupport.readable(on: file.node.fileSystemFeatures)).isEmpty else { throw .attrnotsupp }
        try checkSyntax()
        let source = try AttributeSource(file, wanted: attributes, server: compound.server, caller: compound.caller(on: file))
        let plan = AttributePlan(attributes, for: source)
        guard plan.answered == attributes else { throw .attrnotsupp }
        // What is longer than what was given is not the same; how much room the reply has left has nothing to do with it.
        let (start, limit) = (reply.count, reply.limit)
        reply.limit = start + values.byteCount + 32
        defer {
            reply.truncate(to: start)
            reply.limit = limit
        }
        source.encode(plan, to: &reply)
        guard !reply.overflowed else { return false }
        var own = XDRReader(reply.bytes(from: start))
        do throws(XDRError) {
            _ = try AttributeSet(from: &own)
            let ownValues = try own.opaque(maximum: own.remaining)
            guard ownValues.byteCount == values.byteCount else { return false }
            return ownValues.withUnsafeBytes { left in
                values.withUnsafeBytes { right in left.elementsEqual(right) }
            }
        } catch {
            throw .serverfault
        }
    }

    /// - Throws: `badxdr` when the values are not those of the attributes, one behind the other.
    private func checkSyntax() throws(NFSStatus) {
        var reader = XDRReader(values)
        var left = attributes
        var hasUndefinedMode = false
        do throws(XDRError) {
            while let number = left.popFirst() {
                guard let attribute = Attribute(rawValue: number) else { continue }
                switch attribute.shape {
                case .fixed(let size): _ = try reader.fixedOpaque(size)
                case .mode: hasUndefinedMode = try reader.uint32() > 0o7777
                case .bool: _ = try reader.bool()
                case .opaque: _ = try reader.opaque(maximum: reader.remaining)
                case .bitmap: _ = try AttributeSet(from: &reader)
                case .acl:
                    for _ in 0..<(try reader.count(maximum: reader.remaining)) {
                        _ = try reader.fixedOpaque(12)
                        _ = try reader.opaque(maximum: reader.remaining)
                    }
                case .locations:
                    try Self.skipStrings(&reader)
                    for _ in 0..<(try reader.count(maximum: reader.remaining)) {
                        try Self.skipStrings(&reader)
                        try Self.skipStrings(&reader)
                    }
                }
            }
        } catch {
            throw .badxdr
        }
        guard reader.remaining == 0 else { throw .badxdr }
        // §6.2.4
        guard !hasUndefinedMode else { throw .inval }
    }

    private static func skipStrings(_ reader: inout XDRReader) throws(XDRError) {
        for _ in 0..<(try reader.count(maximum: reader.remaining)) { _ = try reader.opaque(maximum: reader.remaining) }
    }
}

extension Attribute {
    /// How the value of a readable attribute looks on the wire (RFC 8881 §5.8).
    fileprivate enum Shape {
        /// A value of so many bytes.
        case fixed(Int)
        case bool
        case mode
        case opaque
        case bitmap
        case acl
        case locations
    }

    fileprivate var shape: Shape {
        switch self {
        case .supportedAttributes, .supportedAttributesExclusiveCreate: .bitmap
        case .owner, .ownerGroup, .filehandle: .opaque
        case .acl: .acl
        case .fsLocations: .locations
        case .mode: .mode
        case .linkSupport, .symlinkSupport, .namedAttributes, .uniqueHandles, .canSetTime, .caseInsensitive, .casePreserving,
            .chownRestricted, .homogeneous, .noTruncation:
            .bool
        case .fsid: .fixed(16)
        case .timeAccess, .timeBackup, .timeCreate, .timeDelta, .timeMetadata, .timeModify: .fixed(12)
        case .change, .size, .fileID, .filesAvailable, .filesFree, .filesTotal, .maximumFileSize, .maximumRead, .maximumWrite, .rawDevice,
            .spaceAvailable, .spaceFree, .spaceTotal, .spaceUsed, .mountedOnFileID:
            .fixed(8)
        default: .fixed(4)
        }
    }
}
