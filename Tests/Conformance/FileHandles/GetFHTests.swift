import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "GETFH (RFC 8881 §18.8)",
    .covers(
        .getFH, never: [.stale: "the file is not looked at: PUTFH did, and what works on it next does"],
        besides: [
            .repTooBig: "§2.10.6.4 has it for every reply", .repTooBigToCache: "§2.10.6.4 has it for every reply",
            .retryUncachedRep: "§2.10.6.1.3 has it for the operation behind SEQUENCE, whichever it is",
        ]))
struct GetFHTests {
    @Test("it gives what PUTFH took, and leaves it current")
    func roundTrip() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .getFH, .getFH)
        #expect(reply.results.suffix(2).allSatisfy { if case .handle(directory) = $0.body { true } else { false } })
    }

    @Test("behind an operation that changes the current filehandle it gives the new one")
    func newHandle() async throws {
        let (session, directory) = try await newDirectory()
        let made = try await session.run(.putFH(directory), .create(.directory, "made"), .getFH).fileHandle
        #expect(try await session.run(.putFH(directory), .lookup("made"), .getFH).fileHandle == made)
        #expect(try await session.run(.putFH(made), .lookupP, .getFH).fileHandle == directory)
        #expect(try await session.run(.putFH(made), .getAttr([.fileHandle])).attributes.fileHandle == made)
    }

    @Test("a handle has at most NFS4_FHSIZE bytes, and is never empty")
    func length() async throws {
        let (session, directory) = try await newDirectory()
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        for handle in [root, directory] { #expect((1...128).contains(handle.bytes.count)) }
    }
}
