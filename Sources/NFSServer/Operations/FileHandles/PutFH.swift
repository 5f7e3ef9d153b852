import FileSystem
import NFSProtocol
import XDR

/// PUTFH: make the file a filehandle stands for current (RFC 8881 §18.19).
struct PutFH: Operation, ~Escapable {
    static var code: OperationCode { .putfh }
    let handle: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        handle = try request.opaque(maximum: 128)  // NFS4_FHSIZE
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard !compound.server.isHeld else { throw .delay }
        let file = try compound.exports.nameSpace.file(for: handle) { compound.caller(on: $0) }
        try compound.put(file)
    }
}
