import Foundation
import NFSDaemon
import Testing

@Suite("Checking the configuration against the file system")
struct ConfigurationFileSystemTests {
    private let temporary: TemporaryDirectory

    init() throws {
        temporary = try TemporaryDirectory()
    }

    private func check(_ flags: [Setting: [String]]) throws -> [String] {
        let flags = flags.merging([.stateDirectory: [temporary.path]]) { given, _ in given }
        return problems {
            let configuration = try configuration(flags)
            try configuration.checkFileSystem()
            return configuration
        }
    }

    @Test("A mount point can be exported, twice too, and by a symbolic link")
    func mountPoint() throws {
        let link = temporary.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/proc")
        #expect(try check([.export: ["/proc", "/proc:/again", link]]) == [])
    }

    @Test("A directory nothing is mounted on is refused unless that is allowed")
    func notMounted() throws {
        let directory = try temporary.directory("plain")
        #expect(
            try check([.export: [directory]]) == [
                "export plain: nothing is mounted there: mount the volume, or give --allow-unmounted to export the directory as it is"
            ])
        #expect(try check([.export: [directory], .allowUnmounted: ["true"]]) == [])
        let file = try temporary.file("export: [{path: \(directory), allow-unmounted: true}]\nstate-dir: \(temporary.path)")
        try ServerConfiguration(flags: [:], environment: [:], file: file).checkFileSystem()
    }

    @Test("A path that is not there, or no directory, is refused even when unmounted ones are allowed")
    func noDirectory() throws {
        let file = try temporary.file("text", named: "file")
        #expect(
            try check([.export: ["\(temporary.path)/none", file, "\(file)/below"], .allowUnmounted: ["true"]]) == [
                "export none: No such file or directory: create it, or mount the volume there",
                "export file is not a directory: give the directory the volume is mounted on",
                "export file/below: Not a directory: give a directory the server may read",
            ])
    }

    @Test("The state directory may be missing as long as it can be created")
    func stateDirectory() throws {
        let file = try temporary.file("text", named: "file")
        #expect(try check([.export: ["/proc"], .stateDirectory: ["\(temporary.path)/a/b/c"]]) == [])
        #expect(!FileManager.default.fileExists(atPath: "\(temporary.path)/a"))
        #expect(
            try check([.export: ["/proc"], .stateDirectory: [file]]) == ["state-dir file: file is not a directory: give another state-dir"])
        let below = try check([.export: ["/proc"], .stateDirectory: ["\(file)/below"]])
        #expect(below == ["state-dir file/below: file/below is not a directory: give another state-dir"])
    }

    @Test("Without a state directory none is needed")
    func noStateDirectory() throws {
        try configuration([.export: ["/proc"]]).checkFileSystem()
    }

    @Test("The directory of the admin socket must exist")
    func adminSocket() throws {
        #expect(try check([.export: ["/proc"], .adminSocket: ["\(temporary.path)/socket"]]) == [])
        #expect(
            try check([.export: ["/proc"], .adminSocket: ["\(temporary.path)/none/socket"]]) == [
                "admin-socket none/socket: there is no directory none: create it"
            ])
    }
}
