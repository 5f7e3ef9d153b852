import Glibc
import NFSTestClient
import Testing

/// What a server takes from its machine. Each test has a server of its own.
@Suite("resources")
struct ResourceTests {
    private static let mebibyte = 1 << 20

    @Test("a thousand clients with ten open files each take less than 150 MiB")
    func manyClients() async throws {
        try Self.raiseDescriptorLimit()
        let server = try await ServerUnderTest.start(.init(exportRules: ["sync": "false"]))
        let (first, directory) = try await server.sessionInNewDirectory()
        var sessions = [first]
        for number in 0..<1000 {
            let session = try await server.session()
            // Several operations in each request, to make the test a short one.
            let opens = (0..<10).flatMap { file -> [Operation] in
                [
                    .putFH(directory),
                    .open(.null("\(number)-\(file)"), .unchecked(.mode(0o666)), owner: StateOwner(clientID: session.clientID, id: [1])),
                ]
            }
            try await session.compound(opens).succeeded()
            sessions.append(session)
        }
        #expect(try await server.residentBytes() < 150 * Self.mebibyte)
        withExtendedLifetime(sessions) {}
    }

    @Test("opening and closing leaves nothing behind")
    func openAndClose() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        _ = try await session.makeFile(directory, "file")
        let one: [Operation] = [.putFH(directory), .open(.null("file"), access: .read), .close(.current)]
        let twenty = Array(repeating: one, count: 20).flatMap { $0 }
        func pairs(_ count: Int) async throws {
            for _ in 0..<count / 20 { try await session.compound(twenty).succeeded() }
        }
        let process = try #require(await server.processID)
        // Code that runs for the first time is nothing left behind.
        func anonymousKibibytes() throws -> Int { try #require(Self.value(of: "RssAnon:", in: "/proc/\(process)/status")) }
        try await pairs(20_000)
        let before = try anonymousKibibytes()
        try await pairs(100_000)
        // Five bytes for each would be half a MiB.
        #expect(try anonymousKibibytes() - before < 512)
    }

    @Test("a server to which nobody speaks sleeps, and takes less than 25 MiB")
    func idle() async throws {
        let server = try await ServerUnderTest.start()
        let process = try #require(await server.processID)
        // What starting it set going comes to rest.
        try await Task.sleep(for: .seconds(2))
        #expect(try await server.residentBytes() < 25 * Self.mebibyte)
        let before = try Self.wakeUps(of: process)
        try await Task.sleep(for: .seconds(10))
        // It says that it is awake every few seconds, so that leases do not run out while it is stopped; that takes a few threads of
        // the library a turn each.
        #expect(try Self.wakeUps(of: process) - before < 40)
    }

    /// How often threads of a process have gone to sleep.
    private static func wakeUps(of process: Int32) throws -> Int {
        let tasks = "/proc/\(process)/task"
        let directory = try #require(opendir(tasks))
        defer { closedir(directory) }
        var sum = 0
        while let entry = readdir(directory) {
            let thread = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard let number = Int(thread) else { continue }
            sum += value(of: "voluntary_ctxt_switches:", in: "\(tasks)/\(number)/status") ?? 0
        }
        return sum
    }

    /// What a file of /proc says of something; nil where it is not there.
    private static func value(of name: String, in path: String) -> Int? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self).split { $0.isWhitespace }
            if words.first.map(String.init) == name { return words.dropFirst().first.flatMap { Int($0) } }
        }
        return nil
    }

    private static func raiseDescriptorLimit() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        try #require(limit.rlim_max >= 4096, "raise the hard limit of open files: ulimit -Hn 4096")
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
