import FileSystem
import NFSProtocol
import XDR

/// fattr4 as a client sends it in SETATTR, CREATE and OPEN: attributes to set (RFC 8881 §3.3.9).
///
/// Reading it is syntax; whether its attributes exist and may be set is told by `changes`.
struct AttributeUpdate: ~Escapable {
    let attributes: AttributeSet
    private let values: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        attributes = try AttributeSet(from: &request)
        values = try request.opaque(maximum: request.remaining)
    }

    /// The update in the file system's terms.
    /// - Parameters:
    ///   - place: where this update stands.
    ///   - file: the file, or the directory a file is made in.
    /// - Throws: `attrnotsupp` for attributes the file system does not have, `inval` for those that cannot be set here, `badxdr`
    ///   when the values do not read, and what the values themselves are refused with.
    func changes(_ place: AttributeSupport.Place, of file: CurrentFile, in compound: Compound) throws(NFSStatus) -> AttributeChanges {
        let features = file.node.fileSystemFeatures
        // Linux does not let anybody set when a file was made, though the protocol would (§5.7).
        let known = AttributeSupport.supported(on: features).subtracting(AttributeSet(.timeCreate))
        guard attributes.subtracting(known).isEmpty else { throw .attrnotsupp }
        guard attributes.subtracting(AttributeSupport.settable(place, on: features)).isEmpty else { throw .inval }
        // Both at once contradict each other (§6.2.5).
        guard !attributes.contains(.modeSetMasked) || !attributes.contains(.mode) else { throw .inval }
        var changes = AttributeChanges()
        var reader = XDRReader(values)
        var left = attributes
        while let number = left.popFirst() {
            guard let attribute = Attribute(rawValue: number) else { throw .attrnotsupp }
            if attribute == .acl {
                changes.acl = try ReceivedACL.entries(from: &reader, compound.server.owners, mayBlock: compound.mayBlock)
            } else {
                try read(attribute, from: &reader, into: &changes, file, compound)
            }
        }
        guard reader.remaining == 0 else { throw .badxdr }
        return changes
    }

    private func read(
        _ attribute: Attribute, from reader: inout XDRReader, into changes: inout AttributeChanges, _ file: CurrentFile,
        _ compound: Compound
    ) throws(NFSStatus) {
        do {
            switch attribute {
            case .size: changes.size = try reader.uint64()
            case .mode: changes.mode = try Self.mode(reader.uint32())
            case .owner:
                changes.owner = try compound.server.owners.id(
                    of: reader.opaque(maximum: reader.remaining), .user, mayBlock: compound.mayBlock)
            case .ownerGroup:
                changes.group = try compound.server.owners.id(
                    of: reader.opaque(maximum: reader.remaining), .group, mayBlock: compound.mayBlock)
            case .timeAccessSet: changes.accessTime = try Self.time(from: &reader)
            case .timeModifySet: changes.modifyTime = try Self.time(from: &reader)
            case .modeSetMasked:
                let value = try Self.mode(reader.uint32())
                let mask = try Self.mode(reader.uint32())
                changes.mode = try file.node.attributes(compound.caller(on: file)).mode & ~mask | value & mask
            default: throw NFSStatus.inval
            }
        } catch let status as NFSStatus {
            throw status
        } catch {
            throw .badxdr
        }
    }

    private static func mode(_ value: UInt32) throws(NFSStatus) -> UInt32 {
        guard value <= 0o7777 else { throw .inval }
        return value
    }

    /// settime4 (RFC 8881 §3.3.4).
    private static func time(from reader: inout XDRReader) throws -> AttributeChanges.Time {
        switch try reader.uint32() {
        case 0: return .now
        case 1:
            let timestamp = try Timestamp(from: &reader)
            guard timestamp.nanoseconds < 1_000_000_000 else { throw NFSStatus.inval }
            return .at(timestamp)
        default: throw XDRError.invalid
        }
    }
}

extension AttributeUpdate {
    /// No attributes, where the protocol has no place for any.
    @_lifetime(copy request)
    static func none(_ request: inout XDRReader) -> AttributeUpdate { AttributeUpdate(nothingFrom: &request) }

    @_lifetime(copy request)
    private init(nothingFrom request: inout XDRReader) {
        attributes = AttributeSet()
        values = request.record.extracting(0..<0)
    }
}
