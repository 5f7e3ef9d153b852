import NFSTestClient
import Testing

@Suite("COMMIT (RFC 8881 §18.3)")
struct CommitTests {
    @Test("its verifier is that of every write of this server instance")
    func verifier() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let second = try await session.open(directory, "second")
        let first = try await session.run(.putFH(file.handle), .write(file.stateID, [1])).wrote.verifier
        #expect(try await session.run(.putFH(file.handle), .write(file.stateID, [1], .fileSync)).wrote.verifier == first)
        #expect(try await session.run(.putFH(second.handle), .write(second.stateID, [1])).wrote.verifier == first)
        #expect(try await session.run(.putFH(file.handle), .commit()).commitVerifier == first)
        #expect(try await newSession().run(.putFH(second.handle), .commit()).commitVerifier == first)
        #expect(first != .zero)
    }

    @Test(
        "any range of the file can be committed, also beyond its end",
        arguments: [(0, 0), (0, 1), (5, 0), (5, 100), (1 << 40, 1)] as [(UInt64, UInt32)])
    func ranges(_ offset: UInt64, _ count: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        #expect(try await session.compound(.putFH(file), .commit(offset: offset, count: count)).status == .ok)
    }

    @Test("a range beyond all offsets is INVAL")
    func overflow() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        #expect(try await session.compound(.putFH(file), .commit(offset: .max, count: 2)).outcome == Outcome(.commit, .inval))
    }

    @Test("of a directory it is ISDIR")
    func directory() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .commit()).outcome == Outcome(.commit, .isDir))
    }

    @Test("of other objects it is INVAL or WRONG_TYPE", .timeLimit(.minutes(1)))
    func notRegular() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(.putFH(directory), .create(.fifo, "fifo"), .commit())
        #expect([.inval, .wrongType].contains(reply.status))
    }
}
