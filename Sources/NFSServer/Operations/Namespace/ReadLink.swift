import NFSProtocol
import XDR

/// READLINK: read a symbolic link (RFC 8881 §18.24).
struct ReadLink: Operation {
    static var code: OperationCode { .readlink }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.file()
        guard file.node.type == .symbolicLink else { throw .wrongType }
        reply.opaque(try file.node.symbolicLinkTarget(compound.caller(on: file)))
    }
}
