import ConformanceRecord
import FileSystem
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("OPEN and WRITE where files cannot be changed", .covers(.open, .write))
struct DataFaultTests {
    private let device: FailingDevice
    private let server: InProcessServer

    init() async throws {
        let files = try memoryFiles()
        device = FailingDevice(files)
        server = await InProcessServer.start([
            NameSpace.Entry(pseudoPath: "/export", fileSystem: device),
            NameSpace.Entry(pseudoPath: "/read-only", fileSystem: files, rules: Export.Rules(ExportRule(isReadOnly: true))),
        ])
    }

    @Test("OPEN that fails to empty the file leaves neither a reservation nor a change of the open there was")
    func truncate() async throws {
        let session = try await server.session()
        let directory = try await session.lookup("/export")
        let file = try await session.open(directory, "file", access: .read)
        device.fail(.attributes, with: .io)
        for owner in ["owner", "another"] as [StateOwner] {
            let open = Operation.open(.null("file"), .unchecked(.size(0)), owner: owner)
            #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .io))
        }
        #expect(try await session.run(.testStateID([file.stateID])).statuses == [.ok])
        try await session.close(file)
        try await session.run(.putFH(file.handle), .open(.fileHandle, deny: .both))
    }

    @Test("on a read-only export OPEN for writing, creating or emptying is ROFS, and so is WRITE")
    func readOnly() async throws {
        let session = try await server.session()
        let file = try await session.makeFile(session.lookup("/export"), "file", [1, 2])
        let directory = try await session.lookup("/read-only")
        let opens: [Operation] = [
            .open(.null("file"), access: .write), .open(.null("file"), access: .both),
            .open(.null("new"), .unchecked(.none), access: .read),
            .open(.null("file"), .unchecked(.size(0)), access: .read),
        ]
        for open in opens { #expect(try await session.compound(.putFH(directory), open).outcome == Outcome(.open, .roFS)) }
        let there = try await session.lookup(directory, "file")
        #expect(try await session.compound(.putFH(there), .write(.anonymous, [1])).outcome == Outcome(.write, .roFS))
        #expect(try await session.read(file) == [1, 2])
    }
}
