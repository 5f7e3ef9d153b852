import ConformanceRecord
import NFSTestClient
import Testing

@Suite("PUTPUBFH (RFC 8881 §18.20)", .covers(.putPubFH))
struct PutPubFHTests {
    @Test("the public filehandle is the root (§4.1.2)")
    func publicHandle() async throws {
        let session = try await newSession()
        #expect(try await session.run(.putPubFH, .getFH).fileHandle == session.run(.putRootFH, .getFH).fileHandle)
    }

    @Test("names are looked up from it")
    func lookup() async throws {
        let session = try await newSession()
        let path = try await sharedServer().exportPath
        let export = try await session.compound([.putPubFH] + path.map { .lookup($0) } + [.getFH]).succeeded().fileHandle
        #expect(try await session.lookup(path: path) == export)
    }
}
