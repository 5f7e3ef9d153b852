import NFSTestClient
import Testing

@Suite("OPENs that empty a file race OPENs that deny writing (RFC 8881 §9.7, §18.16.3)")
struct TruncationRaceTests {
    @Test(
        "as long as a denial stands, the file stays as it is: nothing is destroyed by an OPEN that is then refused", .timeLimit(.minutes(3))
    )
    func nothingIsDestroyed() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        let denials = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<3 {
                let client = try await newSession()
                group.addTask {
                    for _ in 0..<150 { try await empty(directory, client) }
                    return 0
                }
                let other = try await newSession()
                group.addTask {
                    var granted = 0
                    for _ in 0..<150 where try await deny(file, other) { granted += 1 }
                    return granted
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(denials > 20)
        _ = try await session.open(directory, "file", deny: .both)
    }

    /// Opens the file, empties it thereby, and fills it again.
    private func empty(_ directory: FileHandle, _ client: TestSession) async throws {
        let open = Operation.open(.null("file"), .unchecked(.size(0)))
        let reply = try await client.compound(.putFH(directory), open, .write(.current, [1, 2, 3]), .close(.current))
        #expect(reply.outcome == Outcome(.close, .ok) || reply.outcome == Outcome(.open, .shareDenied))
    }

    /// Opens the file so that nobody may write, looks at it for a while and closes it.
    /// - Returns: whether the open was granted.
    private func deny(_ file: FileHandle, _ client: TestSession) async throws -> Bool {
        let reply = try await client.compound(.putFH(file), .open(.fileHandle, access: .read, deny: .write), .getAttr([.size, .change]))
        guard reply.status == .ok else {
            #expect(reply.outcome == Outcome(.open, .shareDenied))
            return false
        }
        for _ in 0..<3 { #expect(try await client.attributes(file, [.size, .change]) == reply.attributes) }
        try await client.run(.putFH(file), .close(reply.open.stateID))
        return true
    }
}
