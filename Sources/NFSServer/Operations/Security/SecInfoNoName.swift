import NFSProtocol
import XDR

/// SECINFO_NO_NAME: tell which security flavors are accepted for the current file or its parent (RFC 8881 §18.45).
struct SecInfoNoName: Operation {
    static var code: OperationCode { .secinfoNoName }
    private let style: UInt32

    init(from request: inout XDRReader) throws(XDRError) {
        style = try request.uint32()
        guard style <= 1 else { throw .invalid }
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file: CurrentFile
        let parentWanted = style == 1
        if parentWanted {
            guard let parent = try compound.parent(of: compound.directory(symbolicLink: .notdir)) else { throw .noent }
            try compound.admit(to: parent.export)
            file = parent
        } else {
            file = try compound.file()
        }
        compound.encodeFlavors(of: file.export, to: &reply)
        compound.currentFile = nil
        compound.currentStateID = nil
    }
}
