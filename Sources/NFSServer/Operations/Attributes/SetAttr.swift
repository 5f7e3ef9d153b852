import FileSystem
import NFSProtocol
import XDR

/// SETATTR: set attributes of the current file (RFC 8881 §18.30).
struct SetAttr: Operation, ~Escapable {
    static var code: OperationCode { .setattr }
    static var reservedReply: Int { 24 }
    private let stateID: StateID
    private let update: AttributeUpdate

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &request)
        update = try AttributeUpdate(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.file()
        let caller = compound.caller(on: file)
        var changes = try update.changes { () throws(NFSStatus) in try file.node.attributes(caller).mode }
        try compound.requireWritable(file)
        if let size = changes.size {
            guard size <= UInt64(Int64.max) else { throw .fbig }
            // A new size is a WRITE to what it cuts off or adds, and needs the right to write that an open gave (§18.30.3).
            let file = try compound.regularFile()
            try compound.requireNoGrace()
            let opened = try compound.openFile(stateID, of: file, .write)
            try opened.truncate(to: size, mayBlock: compound.mayBlock)
            changes.size = nil
        }
        if !changes.isEmpty { try file.node.setAttributes(changes, caller) }
        update.attributes.encode(to: &reply)
    }

    /// What was set, which is nothing as far as the client may rely on it.
    static func encodeFailure(_ status: NFSStatus, in compound: Compound, reply: inout XDRWriter) {
        AttributeSet().encode(to: &reply)
    }
}
