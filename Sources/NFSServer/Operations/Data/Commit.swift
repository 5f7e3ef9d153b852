import NFSProtocol
import XDR

/// COMMIT: bring what was written to the current file to stable storage (RFC 8881 §18.3).
struct Commit: Operation {
    static var code: OperationCode { .commit }
    static var reservedReply: Int { 16 }
    private let offset: UInt64
    private let count: UInt32

    init(from request: inout XDRReader) throws(XDRError) {
        offset = try request.uint64()
        count = try request.uint32()
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let file = try compound.regularFile()
        guard offset.addingReportingOverflow(UInt64(count)).overflow == false else { throw .inval }
        try compound.requireWritable(file)
        do throws(NFSStatus) {
            // COMMIT asks for no right of its own, and what others wrote is committed with it.
            try file.node.openGranted(.write, compound.caller(on: file)).commit(mayBlock: compound.mayBlock)
        } catch {
            compound.server.lostWrites(error)
            throw error
        }
        compound.server.writeVerifier.encode(to: &reply)
    }
}
