import ConformanceRecord
import FileSystem
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("SETATTR where tests over a socket do not come", .covers(.setAttr))
struct SetAttrTests {
    @Test("in the grace period a new size is GRACE, other attributes are set (RFC 8881 §8.4.2)")
    func grace() async throws {
        let files = try memoryFiles()
        let caller = Caller(.superuser, mayBlock: true)
        _ = try files.root.create(try FileName(validating: "file"), .regular, AttributeChanges(mode: 0o666), caller)
        // Somebody who does not come back.
        let record = MemoryClientRecord(inForce: [[1]])
        let server = await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/volume", fileSystem: files)], storage: record, limits: Limits(graceHoldMilliseconds: 0))
        let session = try await server.session()
        let file = try await session.lookup("/volume/file")
        #expect(try await session.compound(.putFH(file), .setAttr(.size(0))).outcome == Outcome(.setAttr, .grace))
        try await session.run(.putFH(file), .setAttr(.mode(0o600)))
    }
}
