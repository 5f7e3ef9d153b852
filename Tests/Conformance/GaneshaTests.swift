import ChildProcesses
import Foundation
import NFSTestClient
import Testing

@Suite("The program under the name ganesha.nfsd", .serialized, .ownProcess, .timeLimit(.minutes(2)))
struct GaneshaTests {
    @Test("is told by its name, and says what it wants")
    func name() throws {
        let place = try Place()
        defer { place.remove() }
        #expect(try place.run(["-v"]).output == "ganesha.nfsd: nfs-server of Remuda in its place, NFSv4.1\n")
        #expect(try place.run(["-h"]).output.contains("USAGE: ganesha.nfsd"))
        #expect(try place.run(["-Z"]).status == 64)
        let refused = try place.run(["-f", place.configuration])
        #expect(refused.status == 1)
        #expect(refused.errors.contains("give -F: this server stays in the foreground"))
        #expect(try place.run(["-F", "-N", "LOUD"]).errors.contains("-N must be one of null, fatal"))
        try place.write("EXPORT {\n")
        let mistake = try place.run(["-FC", "-f", place.configuration, "-p\(place.pidFile)", "-LSTDERR"])
        #expect(mistake.status == 1)
        #expect(mistake.errors == "nfs-server: \(place.configuration):1: the block \"EXPORT\" has no end: add }\n")
        #expect(try place.run(["-F", "-p", "/none/pid"], configured: place.export("/proc", "/proc")).errors.contains("/none/pid"))
    }

    @Test(
        "serves what Longhorn has it serve, with SIGHUP for volumes that come and go, and the same handles after each start",
        .enabled(if: canMount, needsMounts))
    func volumes() async throws {
        let place = try Place()
        defer { place.remove() }
        let (first, second) = (try place.volume("pvc-1"), try place.volume("pvc-2"))
        try place.write(place.export(first, "/pvc-1", id: 1))
        var server = try await place.start()
        #expect(try String(contentsOfFile: place.pidFile, encoding: .utf8) == "\(server.process.id)\n")
        let session = try await server.session()
        let root = try await session.lookup(path: ["pvc-1"])
        let file = try await session.open(root, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, [1]))
        let lock = try await session.lock(file)

        try place.write(place.export(first, "/pvc-1", id: 1) + place.export(second, "/pvc-2", id: 2))
        #expect(try await place.reload(server).contains("added=/pvc-2"))
        let other = try await session.open(session.lookup(path: ["pvc-2"]), "file")
        try place.write(place.export(first, "/pvc-1", id: 1) + "EXPORT {")
        #expect(try await place.reload(server).contains("the block \"EXPORT\" has no end: add }"))
        try await session.run(.putFH(other.handle), .write(other.stateID, [1]))

        try place.write(place.export(first, "/pvc-1", id: 1))
        #expect(try await place.reload(server).contains("removed=/pvc-2"))
        #expect(try await session.compound(.putFH(other.handle)).outcome == Outcome(.putFH, .stale))
        while system("umount \(second) 2>/dev/null") != 0 { try await Task.sleep(for: .milliseconds(10)) }
        try await session.run(.putFH(file.handle), .write(file.stateID, [2]))
        try await session.run(.putFH(file.handle), .lockU(lock, offset: 0, length: .max))

        try await session.run(.putFH(file.handle), .close(file.stateID))
        #expect(server.stop() == 0)
        #expect(access(place.pidFile, F_OK) != 0)
        server = try await place.start()
        #expect(try await server.session().lookup(path: ["pvc-1"]) == root)
        #expect(server.stop() == 0)
    }
}

/// A directory with a link to the program, a configuration, a log and volumes, gone with `remove`.
private struct Place {
    private let directory: URL
    private let program: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "remuda-ganesha-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        program = directory.appending(path: "ganesha.nfsd")
        let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let server = URL(filePath: tests).deletingLastPathComponent().appending(path: "nfs-server")
        try FileManager.default.createSymbolicLink(at: program, withDestinationURL: server)
    }

    var configuration: String { directory.appending(path: "vfs.conf").path }
    var pidFile: String { directory.appending(path: "ganesha.pid").path }
    private var logFile: String { directory.appending(path: "ganesha.log").path }

    func remove() {
        for volume in ["pvc-1", "pvc-2"] { system("umount \(directory.path)/\(volume) 2>/dev/null") }
        try? FileManager.default.removeItem(at: directory)
    }

    /// Makes a volume on a loop device and mounts it.
    func volume(_ name: String) throws -> String {
        let (image, mounted) = ("\(directory.path)/\(name).image", "\(directory.path)/\(name)")
        try #require(
            system("mkdir \(mounted) && truncate -s 16M \(image) && /usr/sbin/mkfs.ext4 -q \(image) && mount -o loop \(image) \(mounted)")
                == 0)
        return mounted
    }

    func write(_ exports: String) throws {
        let text =
            "NFS_Core_Param { NFS_Port = 0; Bind_addr = 127.0.0.1; Protocols = 4; }\nExport_defaults { Access_Type = None; Squash = None; }\n"
        try Data((exports.hasPrefix("EXPORT {\n") ? exports : text + exports).utf8).write(to: URL(filePath: configuration))
    }

    func export(_ path: String, _ pseudo: String, id: Int = 1) -> String {
        "EXPORT\n{\n\tExport_Id = \(id);#Volume=v\n\tPath = \(path);\n\tPseudo = \(pseudo);\n\tAccess_Type = RW;\n\tFSAL {\n\t\tName = VFS;\n\t}\n}\n"
    }

    /// Runs the program until it ends.
    func run(_ arguments: [String], configured exports: String? = nil) throws -> FinishedProgram {
        if let exports { try write(exports) }
        return try FinishedProgram(program.path, arguments + (exports == nil ? [] : ["-f", configuration]))
    }

    struct Running {
        let process: ChildProcess
        let remote: RemoteServer

        func session() async throws -> TestSession { try await remote.session() }

        /// The exit code after SIGTERM.
        func stop() -> Int32? {
            defer { process.kill() }
            return process.terminate(timeout: 30)
        }
    }

    /// Starts the program as Longhorn does.
    func start() async throws -> Running {
        let process = try ChildProcess(program.path, ["-F", "-L", logFile, "-p", pidFile, "-f", configuration], log: "/dev/null")
        let line = process.readLine(timeout: 30)
        let log = try log()
        let port = try #require(line?.split(separator: ":").last.flatMap { UInt16($0) }, "\(log)")
        while access(pidFile, F_OK) != 0 { try await Task.sleep(for: .milliseconds(1)) }
        return Running(process: process, remote: RemoteServer(host: "127.0.0.1", port: port, exportPath: ["pvc-1"]))
    }

    private func log() throws -> String { try String(contentsOfFile: logFile, encoding: .utf8) }

    /// Has the server read its configuration again.
    /// - Returns: what the log says to that.
    func reload(_ server: Running) async throws -> String {
        let before = try log().utf8.count
        server.process.hangUp()
        while true {
            let said = String(decoding: try log().utf8.dropFirst(before), as: UTF8.self)
            if said.contains("configuration read again") || said.contains("the configuration is refused") { return said }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
