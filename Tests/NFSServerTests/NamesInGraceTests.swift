import ConformanceRecord
import FileSystem
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("Names in the grace period (RFC 8881 §8.4.2.1)", .covers(.remove, .rename))
struct NamesInGraceTests {
    @Test("REMOVE and RENAME, which may take a file from who has yet to reclaim its open, are GRACE; other changes of names go on")
    func grace() async throws {
        let files = try memoryFiles()
        let caller = Caller(.superuser, mayBlock: true)
        _ = try files.root.create(FileName(validating: "file"), .regular, AttributeChanges(), caller)
        let storage = MemoryClientRecord(inForce: [Array("a client that is not back yet".utf8)])
        let server = await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/volume", fileSystem: files)], storage: storage, limits: Limits(graceHoldMilliseconds: 1))
        let session = try await server.session(reclaimComplete: false)
        let directory = try await session.lookup("/volume")
        #expect(try await session.compound(.putFH(directory), .remove("file")).outcome == Outcome(.remove, .grace))
        let rename = try await session.compound(.putFH(directory), .saveFH, .rename("file", to: "other"))
        #expect(rename.outcome == Outcome(.rename, .grace))
        _ = try await session.makeDirectory(directory, "new")
        let file = try await session.lookup(directory, "file")
        #expect(try await session.compound(.putFH(file), .saveFH, .putFH(directory), .link("second")).status == .ok)
        #expect(try await session.entries(directory).count == 3)
    }
}
