import FileSystem
import NFSProtocol
import XDR

/// READ: read from the current file (RFC 8881 §18.22).
struct Read: Operation {
    static var code: OperationCode { .read }
    private let stateID: StateID
    private let offset: UInt64
    private let count: Int

    init(from request: inout XDRReader) throws(XDRError) {
        stateID = try StateID(from: &request)
        offset = try request.uint64()
        count = Int(try request.uint32())
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.regularFile()
        let opened = try compound.openFile(stateID, of: file, .read)
        let eofPosition = reply.count
        reply.bool(false)
        // Fewer bytes than asked for are an answer (§18.22.3), but a client that left too little room is told so.
        let room = max(0, reply.limit - reply.count - 4) & ~3
        let wanted = min(count, compound.server.limits.maximumTransfer)
        var atEnd = false
        let read = try reply.opaque(maximum: min(wanted, room)) { buffer throws(NFSStatus) in
            let result = try opened.read(into: buffer, at: offset, mayBlock: compound.mayBlock)
            atEnd = result.atEnd
            return result.count
        }
        guard let read, wanted <= room || read < room || atEnd else { throw compound.replyTooBig }
        if atEnd { reply.patch(1, at: eofPosition) }
        compound.server.counters.own.read(read)
    }
}
