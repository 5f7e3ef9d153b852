import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Synchronization
import Testing

@Suite("Names of owners (RFC 8881 §5.9)")
struct OwnerNamesTests {
    private static func server(areSent: Bool, _ directory: Directory) async throws -> InProcessServer {
        let owners = OwnerNames(domain: "Example.org", areSent: areSent, service: directory)
        return await InProcessServer.start(
            [NameSpace.Entry(pseudoPath: "/volume", fileSystem: try memoryFiles())], owners: owners)
    }

    private static let both: NFSTestClient.AttributeSet = [.owner, .ownerGroup]

    private static func attributes(_ owner: String, _ group: String) -> FileAttributes {
        FileAttributes([.owner: .string(owner), .ownerGroup: .string(group)])
    }

    @Test("numbers and names of the domain are understood, numbers are sent")
    func understood() async throws {
        let (session, file) = try await Self.server(areSent: false, Directory()).sessionInNewDirectory()
        for (owner, group) in [("1000", "2000"), ("alice@example.org", "staff@EXAMPLE.ORG"), ("alice@Example.org", "2000")] {
            try await session.run(.putFH(file), .setAttr(Self.attributes("7", "7")))
            try await session.run(.putFH(file), .setAttr(Self.attributes(owner, group)))
            #expect(try await session.attributes(file, Self.both) == Self.attributes("1000", "2000"))
        }
    }

    @Test("names are sent where there are any, and come back as they were")
    func sent() async throws {
        let (session, file) = try await Self.server(areSent: true, Directory()).sessionInNewDirectory()
        try await session.run(.putFH(file), .setAttr(Self.attributes("1000", "2000")))
        let named = Self.attributes("alice@example.org", "staff@example.org")
        #expect(try await session.attributes(file, Self.both) == named)
        try await session.run(.putFH(file), .verify(named), .setAttr(named), .verify(named))
        try await session.run(.putFH(file), .setAttr(Self.attributes("2000", "1000")))
        #expect(try await session.attributes(file, Self.both) == Self.attributes("2000", "1000"))
        let listed = try await session.entries(session.lookup("/volume"), Self.both)
        #expect(listed.map(\.attributes).contains(Self.attributes("2000", "1000")))
    }

    @Test(
        "a name nobody has and a name of another domain are BADOWNER",
        arguments: [
            "bob@example.org", "alice@example.com", "alice@", "@example.org", "alice", "alice@example.org@example.org",
            "al\0ice@example.org",
        ])
    func unknown(_ name: String) async throws {
        let (session, file) = try await Self.server(areSent: true, Directory()).sessionInNewDirectory()
        for attribute in [NFSTestClient.Attribute.owner, .ownerGroup] {
            let reply = try await session.compound(.putFH(file), .setAttr(FileAttributes([attribute: .string(name)])))
            #expect(reply.outcome == Outcome(.setAttr, .badOwner))
        }
    }

    @Test("what was asked is kept: the service is asked once, and never twice for what it does not know")
    func cache() async throws {
        let directory = Directory()
        let (session, file) = try await Self.server(areSent: true, directory).sessionInNewDirectory()
        let before = directory.questions
        for _ in 0..<5 {
            try await session.run(.putFH(file), .setAttr(FileAttributes([.owner: .string("alice@example.org")])), .getAttr(Self.both))
            _ = try await session.compound(.putFH(file), .setAttr(FileAttributes([.owner: .string("bob@example.org")])))
        }
        // Two names to translate, an owner and a group to name.
        #expect(directory.questions - before <= 4)
    }

    @Test("a service that cannot tell now is DELAY")
    func delay() async throws {
        let directory = Directory()
        let (session, file) = try await Self.server(areSent: true, directory).sessionInNewDirectory()
        directory.isDown = true
        let set = Operation.setAttr(FileAttributes([.owner: .string("alice@example.org")]))
        #expect(try await session.compound(.putFH(file), set).outcome == Outcome(.setAttr, .delay))
        directory.isDown = false
        try await session.run(.putFH(file), set)
    }
}

/// One user and one group.
private final class Directory: NameService {
    private let state = Mutex<(questions: Int, isDown: Bool)>((0, false))

    var questions: Int { state.withLock { $0.questions } }

    var isDown: Bool {
        get { state.withLock { $0.isDown } }
        set { state.withLock { $0.isDown = newValue } }
    }

    func name(of id: UInt32, _ kind: OwnerKind) -> String? {
        state.withLock { $0.questions += 1 }
        return switch (kind, id) {
        case (.user, 1000): "alice"
        case (.group, 2000): "staff"
        default: nil
        }
    }

    func id(named name: String, _ kind: OwnerKind) throws(NFSStatus) -> UInt32? {
        state.withLock { $0.questions += 1 }
        guard !isDown else { throw .delay }
        return switch (kind, name) {
        case (.user, "alice"): 1000
        case (.group, "staff"): 2000
        default: nil
        }
    }
}
