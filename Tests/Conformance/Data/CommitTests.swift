import ConformanceRecord
import NFSTestClient
import Testing

@Suite("COMMIT (RFC 8881 §18.3)", .covers(.commit))
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
        "any range can be committed, also beyond the end of the file and of all files",
        arguments: [(0, 0), (0, 1), (5, 0), (5, 100), (1 << 40, 1), (1 << 63, .max), (.max, 0), (.max, 2)] as [(UInt64, UInt32)])
    func ranges(_ offset: UInt64, _ count: UInt32) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        #expect(try await session.compound(.putFH(file), .commit(offset: offset, count: count)).status == .ok)
    }

    @Test("anybody may ask for it")
    func otherUser() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1], mode: 0o600)
        #expect(try await session.compound(.putFH(file), .commit(), credential: .user).outcome == Outcome(.commit, .ok))
    }

    @Test("of a file that is gone it is STALE")
    func removed() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let reply = try await session.compound(.putFH(file), .saveFH, .putFH(directory), .remove("file"), .restoreFH, .commit())
        #expect(reply.outcome == Outcome(.commit, .stale))
    }

    @Test("of a directory it is ISDIR")
    func directory() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.compound(.putFH(directory), .commit()).outcome == Outcome(.commit, .isDir))
    }

    @Test("of a symbolic link it is SYMLINK, of anything else WRONG_TYPE", .timeLimit(.minutes(1)))
    func notRegular() async throws {
        let (session, directory) = try await newDirectory()
        let others: [(Operation.CreateType, Status)] = [(.symlink(to: "x"), .symlink), (.fifo, .wrongType), (.socket, .wrongType)]
        for (type, status) in others {
            let reply = try await session.compound(.putFH(directory), .create(type, "\(type)"), .commit())
            #expect(reply.outcome == Outcome(.commit, status), "\(type)")
        }
    }
}
