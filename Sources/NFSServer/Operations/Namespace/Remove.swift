import NFSProtocol
import XDR

/// REMOVE: remove an entry of the current directory (RFC 8881 §18.25). During grace it waits: a client that has not
/// reclaimed its open of the file yet could not do so any more.
struct Remove: Operation, ~Escapable {
    static var code: OperationCode { .remove }
    static var reservedReply: Int { 32 }
    static var isBrief: Bool { true }
    private let name: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        name = try request.opaque(maximum: request.remaining)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let directory = try compound.directory(symbolicLink: .notdir)
        let name = try compound.name(name, in: directory)
        try compound.requireWritable(directory)
        try compound.requireNoGrace()
        try compound.requireRemovable(name, from: directory)
        try directory.node.remove(name, compound.changer(of: directory)).encode(to: &reply)
    }
}
