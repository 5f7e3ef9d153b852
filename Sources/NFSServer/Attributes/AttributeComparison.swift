import NFSProtocol
import XDR

/// The fattr4 of VERIFY and NVERIFY: attribute values to hold against a file's own (RFC 8881 §18.15, §18.30).
struct AttributeComparison: ~Escapable {
    private let attributes: AttributeSet
    private let values: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        attributes = try AttributeSet(from: &request)
        values = try request.opaque(maximum: 64 * 1024)
    }

    /// Whether the current file has exactly these values. The file's own are encoded behind the reply, compared as bytes,
    /// and taken back.
    /// - Throws: `attrnotsupp` for attributes this server or file does not have, `inval` for write-only ones and
    ///   rdattr_error, `badxdr` when the values do not read.
    func matches(in compound: Compound, scratch reply: inout XDRWriter) throws(NFSStatus) -> Bool {
        let file = try compound.file()
        guard attributes.intersection(AttributeSource.writeOnly.union(AttributeSet(.readdirAttributeError))).isEmpty else { throw .inval }
        guard attributes.subtracting(AttributeSource.readable).isEmpty else { throw .attrnotsupp }
        try checkSyntax()
        let source = try AttributeSource(file, wanted: attributes, limits: compound.server.limits, caller: compound.caller(on: file))
        if attributes.contains(.timeCreate), source.attributes.createTime == nil { throw .attrnotsupp }
        let start = reply.count
        source.encode(attributes, to: &reply)
        guard !reply.overflowed else { return false }
        var own = XDRReader(reply.bytes(from: start))
        let same: Bool
        do {
            _ = try AttributeSet(from: &own)
            let ownValues = try own.opaque(maximum: own.remaining)
            same =
                ownValues.byteCount == values.byteCount
                && ownValues.withUnsafeBytes { left in
                    values.withUnsafeBytes { right in left.elementsEqual(right) }
                }
        } catch {
            throw .serverfault
        }
        reply.truncate(to: start)
        return same
    }

    /// - Throws: `badxdr` when the values are not those of the attributes, one behind the other.
    private func checkSyntax() throws(NFSStatus) {
        var reader = XDRReader(values)
        var left = attributes
        do throws(XDRError) {
            while let number = left.popFirst() {
                guard let attribute = Attribute(rawValue: number) else { continue }
                switch attribute.shape {
                case .fixed(let size): _ = try reader.fixedOpaque(size)
                case .opaque: _ = try reader.opaque(maximum: reader.remaining)
                case .bitmap: _ = try AttributeSet(from: &reader)
                }
            }
        } catch {
            throw .badxdr
        }
        guard reader.remaining == 0 else { throw .badxdr }
    }
}

extension Attribute {
    /// How the value of a readable attribute looks on the wire (RFC 8881 §5.8).
    fileprivate enum Shape {
        /// A value of so many bytes.
        case fixed(Int)
        case opaque
        case bitmap
    }

    fileprivate var shape: Shape {
        switch self {
        case .supportedAttributes, .supportedAttributesExclusiveCreate: .bitmap
        case .owner, .ownerGroup, .filehandle: .opaque
        case .fsid: .fixed(16)
        case .timeAccess, .timeBackup, .timeCreate, .timeDelta, .timeMetadata, .timeModify: .fixed(12)
        case .change, .size, .fileID, .filesAvailable, .filesFree, .filesTotal, .maximumFileSize, .maximumRead, .maximumWrite, .rawDevice,
            .spaceAvailable, .spaceFree, .spaceTotal, .spaceUsed, .mountedOnFileID:
            .fixed(8)
        default: .fixed(4)
        }
    }
}
