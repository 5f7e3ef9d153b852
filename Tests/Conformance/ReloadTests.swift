import Glibc
import NFSTestClient
import Testing

@Suite("SIGHUP has the exports read again", .ownProcess, .timeLimit(.minutes(2)))
struct ReloadTests {
    private static func export(_ server: ServerUnderTest, _ name: String, _ rules: String = "") -> String {
        "  - path: \(server.directory)/\(name)\n    pseudo: /\(name == "export" ? "conformance" : name)\n\(rules)"
    }

    private static func settings(_ exports: String...) -> String { "export:\n" + exports.joined() }

    private static func outcome(_ session: TestSession, _ name: String) async throws -> Outcome? {
        try await session.compound(.putRootFH, .lookup(name)).outcome
    }

    @Test("exports are added, changed and removed; what is open on others stays, and a removed one is let go of")
    func changes() async throws {
        let server = try await ServerUnderTest.start()
        let session = try await server.session()
        let file = try await session.open(session.lookup(path: ["conformance"]), "file")
        let lock = try await session.lock(file)
        let own = Self.export(server, "export")
        mkdir("\(server.directory)/second")

        let added = try await server.reload(Self.settings(own, Self.export(server, "second")))
        #expect(added.contains("added=/second"), "\(added)")
        let second = try await session.lookup(path: ["second"])
        let other = try await session.open(second, "file")
        try await session.run(.putFH(other.handle), .write(other.stateID, [1]))
        #expect(try await server.hasOpen(below: "\(server.directory)/second"))

        _ = try await server.reload(Self.settings(own, Self.export(server, "second", "    read-only: true\n")))
        #expect(try await session.compound(.putFH(other.handle), .write(other.stateID, [2])).outcome == Outcome(.write, .roFS))
        _ = try await server.reload(Self.settings(own, Self.export(server, "second", "    allowed-networks: 192.0.2.1\n")))
        #expect(try await session.compound(.putFH(other.handle), .read(other.stateID, count: 1)).outcome == Outcome(.read, .access))

        let removed = try await server.reload(Self.settings(own))
        #expect(removed.contains("removed=/second"), "\(removed)")
        #expect(try await session.compound(.putFH(other.handle)).outcome == Outcome(.putFH, .stale))
        while try await server.hasOpen(below: "\(server.directory)/second") { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await session.run(.testStateID([other.stateID])).statuses == [.adminRevoked])

        try await session.run(.putFH(file.handle), .write(file.stateID, [7]))
        try await session.run(.putFH(file.handle), .lockU(lock, offset: 0, length: .max))
    }

    @Test("the file system of a removed export can be unmounted, whatever clients had open there", .enabled(if: canMount, needsMounts))
    func unmounting() async throws {
        let server = try await ServerUnderTest.start()
        let session = try await server.session()
        let own = Self.export(server, "export")
        let place = "\(server.directory)/second"
        let image = "\(server.directory)/image"
        mkdir(place)
        try #require(system("truncate -s 16M \(image) && /usr/sbin/mkfs.ext4 -q \(image) && mount -o loop \(image) \(place)") == 0)
        chmod(place, 0o777)
        defer { _ = system("umount --lazy \(place) 2>/dev/null") }
        _ = try await server.reload(Self.settings(own, Self.export(server, "second")))
        let second = try await session.lookup(path: ["second"])
        let directory = try await session.makeDirectory(second, "directory")
        var opens: [OpenedFile] = []
        for index in 0..<20 {
            let file = try await session.open(directory, "file \(index)")
            try await session.run(.putFH(file.handle), .write(file.stateID, [1]))
            _ = try await session.lock(file)
            opens.append(file)
        }
        // One has no name any more, and nothing but its descriptor keeps it.
        try await session.run(.putFH(directory), .remove("file 7"))
        #expect(try await session.entries(directory).count == 19)

        _ = try await server.reload(Self.settings(own))
        // Until the last request that saw the export is answered, and what was opened is closed.
        while system("umount \(place) 2>/dev/null") != 0 { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await session.compound(.putFH(opens[0].handle)).outcome == Outcome(.putFH, .stale))
        #expect(try await session.run(.testStateID(opens.map(\.stateID))).statuses == opens.map { _ in .adminRevoked })

        // Mounted and exported again it is what it was.
        try #require(system("mount -o loop \(image) \(place)") == 0)
        _ = try await server.reload(Self.settings(own, Self.export(server, "second")))
        #expect(try await session.read(opens[0].handle) == [1])
    }

    @Test(
        "a configuration with a mistake is refused as a whole, and the one before goes on",
        arguments: [
            ("    squash: some\n", "export squash must be one of none, root, all"),
            ("  - path: /nonexistent-directory\n", "export /nonexistent-directory: No such file or directory"),
        ])
    func mistake(lines: String, complaint: String) async throws {
        let server = try await ServerUnderTest.start()
        let session = try await server.session()
        let file = try await session.open(session.lookup(path: ["conformance"]), "file")
        mkdir("\(server.directory)/second")
        let said = try await server.reload(Self.settings(Self.export(server, "second"), Self.export(server, "export", lines)))
        #expect(said.contains("the configuration is refused, the one before stays in force"))
        #expect(said.contains(complaint), "\(said)")
        #expect(try await Self.outcome(session, "second") == Outcome(.lookup, .noEnt))
        try await session.run(.putFH(file.handle), .write(file.stateID, [1]))
    }

    @Test("removing the export that has the client records is told with what it costs; they stay in use until the server ends")
    func journalsExport() async throws {
        let server = try await ServerUnderTest.start()
        mkdir("\(server.directory)/second")
        let own = Self.export(server, "export")
        let later = try await server.reload(Self.settings(Self.export(server, "second"), own))
        #expect(later.contains("the client records stay where they are"), "\(later)")
        let removed = try await server.reload(Self.settings(Self.export(server, "second")))
        #expect(removed.contains("it cannot be unmounted while the server runs"), "\(removed)")
        #expect(removed.contains("records=\(server.directory)/export/.remuda"), "\(removed)")
        #expect(try await server.hasOpen(below: "\(server.directory)/export"))
        _ = try await server.session().open(server.session().lookup(path: ["second"]), "file")
        #expect(await server.terminate() == 0)
    }

    @Test("what cannot change while the server runs is named, and stays as it was")
    func restartNeeded() async throws {
        let server = try await ServerUnderTest.start()
        let said = try await server.reload(
            "workers: 3\nlog-format: json\n" + Self.settings(Self.export(server, "export", "    sync: false\n    read-only: true\n")))
        #expect(said.contains("settings that differ stay as they are until the server is restarted"))
        #expect(said.contains("settings=log-format workers"), "\(said)")
        #expect(said.contains("sync and cross-mounts of an export stay as they are until the server is restarted"))
        #expect(said.contains("changed=/conformance"))
        let session = try await server.session()
        let reply = try await session.compound(.putRootFH, .lookup("conformance"), .remove("file"))
        #expect(reply.outcome == Outcome(.remove, .roFS))
    }
}

private func mkdir(_ path: String) {
    Glibc.mkdir(path, 0o777)
    chmod(path, 0o777)
}
