import ConformanceRecord
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

/// What an operation answers when the file system cannot do what it asks of it.
@Suite("On a failing file system", .coversEveryOperation)
struct FailingFileSystemTests {
    private let device: FailingDevice
    private let server: InProcessServer
    private let session: TestSession
    private let directory: NFSTestClient.FileHandle
    private let file: OpenedFile
    private let link: NFSTestClient.FileHandle

    init() async throws {
        device = FailingDevice(try memoryFiles())
        server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/volume", fileSystem: device)])
        (session, directory) = try await server.sessionInNewDirectory()
        file = try await session.open(directory, "file")
        link = try await session.run(.putFH(directory), .create(.symlink(Array("file".utf8)), "link"), .getFH).fileHandle
    }

    /// The request with which an operation meets the file system.
    private func request(_ code: NFSTestClient.OperationCode) -> [Operation] {
        switch code {
        case .access: [.putFH(file.handle), .access(.all)]
        case .commit: [.putFH(file.handle), .commit()]
        case .create: [.putFH(directory), .create(.directory, "new", .mode(0o755))]
        case .getAttr: [.putFH(file.handle), .getAttr([.size])]
        case .link: [.putFH(file.handle), .saveFH, .putFH(directory), .link("second")]
        case .lookup: [.putFH(directory), .lookup("file")]
        case .lookupP: [.putFH(directory), .lookupP]
        case .nVerify: [.putFH(file.handle), .nVerify(.size(1))]
        case .open: [.putFH(directory), .open(.null("new"), .unchecked(.mode(0o644)))]
        case .read: [.putFH(file.handle), .read(file.stateID, count: 1)]
        case .readDir: [.putFH(directory), .readDir([.type])]
        case .readLink: [.putFH(link), .readLink]
        case .remove: [.putFH(directory), .remove("file")]
        case .rename: [.putFH(directory), .saveFH, .rename("file", to: "other")]
        case .setAttr: [.putFH(file.handle), .setAttr(.mode(0o600))]
        case .verify: [.putFH(file.handle), .verify(.size(0))]
        case .write: [.putFH(file.handle), .write(file.stateID, [1])]
        default: []
        }
    }

    private func expect(_ status: NFSStatus, of code: NFSTestClient.OperationCode, _ answer: Status) async throws {
        device.fail(.all, with: status)
        #expect(try await session.compound(request(code)).outcome == Outcome(code, answer))
        device.work()
        #expect(try await session.compound(.putFH(directory)).status == .ok)
    }

    @Test(
        "a device that fails is IO",
        arguments: [
            .access, .commit, .create, .getAttr, .link, .lookup, .lookupP, .nVerify, .open, .read, .readDir, .readLink, .remove, .rename,
            .setAttr, .verify, .write,
        ] as [NFSTestClient.OperationCode])
    func io(_ code: NFSTestClient.OperationCode) async throws { try await expect(.io, of: code, .io) }

    @Test("one that is full is NOSPC", arguments: [.create, .link, .open, .rename, .setAttr, .write] as [NFSTestClient.OperationCode])
    func noSpace(_ code: NFSTestClient.OperationCode) async throws { try await expect(.nospc, of: code, .noSpc) }

    @Test(
        "a quota that is used up is DQUOT", arguments: [.create, .link, .open, .rename, .setAttr, .write] as [NFSTestClient.OperationCode])
    func quota(_ code: NFSTestClient.OperationCode) async throws { try await expect(.dquot, of: code, .dQuot) }

    @Test(
        "one that went read-only is ROFS",
        arguments: [.create, .link, .open, .remove, .rename, .setAttr, .write] as [NFSTestClient.OperationCode])
    func readOnly(_ code: NFSTestClient.OperationCode) async throws { try await expect(.rofs, of: code, .roFS) }

    @Test(
        "a file that is gone by then is STALE",
        arguments: [
            .access, .commit, .create, .getAttr, .link, .lookup, .lookupP, .nVerify, .open, .read, .readDir, .readLink, .remove, .rename,
            .setAttr, .verify, .write,
        ] as [NFSTestClient.OperationCode])
    func stale(_ code: NFSTestClient.OperationCode) async throws { try await expect(.stale, of: code, .stale) }

    @Test("as many names as a file can have are MLINK", arguments: [.create, .link, .rename] as [NFSTestClient.OperationCode])
    func tooManyLinks(_ code: NFSTestClient.OperationCode) async throws { try await expect(.mlink, of: code, .mLink) }
}
