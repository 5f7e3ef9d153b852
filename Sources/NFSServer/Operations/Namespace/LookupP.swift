import NFSProtocol
import XDR

/// LOOKUPP: make the directory above the current one current (RFC 8881 §18.14). Above the root of an export lies the pseudo
/// file system, above the root of that nothing.
struct LookupP: Operation {
    static var code: OperationCode { .lookupp }

    init(from request: inout XDRReader) throws(XDRError) {}

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard let parent = try compound.parent(of: compound.directory(symbolicLink: .notdir)) else { throw .noent }
        try compound.enter(parent)
    }
}
