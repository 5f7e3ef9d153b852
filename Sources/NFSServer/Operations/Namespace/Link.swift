import NFSProtocol
import XDR

/// LINK: give the saved file another name in the current directory (RFC 8881 §18.9).
struct Link: Operation, ~Escapable {
    static var code: OperationCode { .link }
    static var reservedReply: Int { 32 }
    static var isBrief: Bool { true }
    private let name: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        name = try request.opaque(maximum: request.remaining)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.saved()
        let directory = try compound.directory()
        let name = try compound.name(name, in: directory)
        guard file.node.type != .directory else { throw .isdir }
        guard file.export === directory.export else { throw .xdev }
        try compound.requireWritable(directory)
        let change = try directory.node.link(file.node, as: name, compound.changer(of: directory))
        change.encode(to: &reply)
    }
}
