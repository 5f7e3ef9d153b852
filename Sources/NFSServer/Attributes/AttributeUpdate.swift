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
        values = try request.opaque(maximum: 64 * 1024)
    }

    /// The update in the file system's terms.
    /// - Parameters:
    ///   - permitted: the attributes that may be set where this update stands.
    ///   - currentMode: the mode that mode_set_masked changes a part of.
    /// - Throws: `attrnotsupp` for attributes this server does not know, `inval` for those that cannot be set here, `badxdr`
    ///   when the values do not read, and what the values themselves are refused with.
    func changes(
        permitted: AttributeSet = AttributeSource.settable, currentMode: () throws(NFSStatus) -> UInt32
    ) throws(NFSStatus) -> AttributeChanges {
        guard attributes.subtracting(AttributeSource.readable.union(AttributeSource.writeOnly)).isEmpty else { throw .attrnotsupp }
        guard attributes.subtracting(permitted).isEmpty else { throw .inval }
        var changes = AttributeChanges()
        var masked: (value: UInt32, mask: UInt32)?
        var reader = XDRReader(values)
        var left = attributes
        while let number = left.popFirst() {
            guard let attribute = Attribute(rawValue: number) else { throw .attrnotsupp }
            try Self.read(attribute, from: &reader, into: &changes, &masked)
        }
        guard reader.remaining == 0 else { throw .badxdr }
        if attributes.contains(.modeSetMasked) {
            // Both at once contradict each other (RFC 8881 §6.2.5).
            guard !attributes.contains(.mode), let masked else { throw .inval }
            changes.mode = try currentMode() & ~masked.mask | masked.value & masked.mask
        }
        return changes
    }

    private static func read(
        _ attribute: Attribute, from reader: inout XDRReader, into changes: inout AttributeChanges,
        _ masked: inout (value: UInt32, mask: UInt32)?
    ) throws(NFSStatus) {
        do {
            switch attribute {
            case .size: changes.size = try reader.uint64()
            case .mode: changes.mode = try mode(reader.uint32())
            case .owner: changes.owner = try Owner.id(from: reader.opaque(maximum: Owner.maximumLength))
            case .ownerGroup: changes.group = try Owner.id(from: reader.opaque(maximum: Owner.maximumLength))
            case .timeAccessSet: changes.accessTime = try time(from: &reader)
            case .timeModifySet: changes.modifyTime = try time(from: &reader)
            case .modeSetMasked:
                let value = try mode(reader.uint32())
                masked = (value, try mode(reader.uint32()))
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
