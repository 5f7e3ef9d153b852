import FileSystem
import NFSProtocol
import XDR

/// CREATE: make a file of any type but a regular one (RFC 8881 §18.4).
struct Create: Operation, ~Escapable {
    static var code: OperationCode { .create }
    static var reservedReply: Int { 64 }
    static var isBrief: Bool { true }

    /// createtype4, with the target of a symbolic link still in the record.
    private let type: UInt32
    private let target: RawSpan
    private let device: DeviceNumber
    private let name: RawSpan
    private let update: AttributeUpdate

    /// The longest target of a symbolic link Linux takes, in bytes.
    private static var maximumTarget: Int { 4095 }

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        type = try request.uint32()
        switch FileType(rawValue: type) {
        case .symbolicLink:
            target = try request.opaque(maximum: request.remaining)
            device = DeviceNumber()
        case .blockDevice, .characterDevice:
            target = try request.fixedOpaque(0)
            device = DeviceNumber(major: try request.uint32(), minor: try request.uint32())
        default:
            target = try request.fixedOpaque(0)
            device = DeviceNumber()
        }
        name = try request.opaque(maximum: request.remaining)
        update = try AttributeUpdate(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let directory = try compound.directory(symbolicLink: .notdir)
        let object = try object()
        let name = try compound.name(name, in: directory)
        try compound.requireText(target, in: directory)
        // The size of what is no regular file cannot be set.
        guard !update.attributes.contains(.size) else { throw .inval }
        let changes = try update.changes(.creation, of: directory, in: compound)
        try compound.requireWritable(directory)
        let (node, change) = try directory.node.create(name, object, changes, compound.changer(of: directory))
        compound.setCurrent(CurrentFile(node: node, export: directory.export))
        change.encode(to: &reply)
        // A symbolic link has no mode of its own.
        let unset = node.type == .symbolicLink ? AttributeSet(.mode, .modeSetMasked) : AttributeSet()
        update.attributes.subtracting(unset).encode(to: &reply)
    }

    private func object() throws(NFSStatus) -> NewObject {
        switch FileType(rawValue: type) {
        case .directory: return .directory
        case .symbolicLink:
            guard target.byteCount > 0 else { throw .inval }
            guard target.byteCount <= Self.maximumTarget else { throw .nametoolong }
            let bytes = target.withUnsafeBytes { [UInt8]($0) }
            guard !bytes.contains(0) else { throw .inval }
            return .symbolicLink(target: bytes)
        case .blockDevice: return .blockDevice(device)
        case .characterDevice: return .characterDevice(device)
        case .socket: return .socket
        case .fifo: return .fifo
        case .regular, nil: throw .badtype
        }
    }
}
