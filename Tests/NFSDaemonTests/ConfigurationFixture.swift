import Foundation
import NFSDaemon
import Testing

/// A directory of its own for one test, gone with the value.
final class TemporaryDirectory {
    /// The absolute path without symbolic links.
    let path: String

    init() throws {
        let url = URL(fileURLWithPath: NSTemporaryDirectory()).appendingPathComponent("configuration-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.resolvingSymlinksInPath().path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a file and returns its path.
    func file(_ text: String, named name: String = "server.yaml") throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }

    func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: false)
        return "\(path)/\(name)"
    }
}

/// The configuration of the YAML text alone.
func configuration(yaml: String) throws -> ServerConfiguration {
    let directory = try TemporaryDirectory()
    return try ServerConfiguration(flags: [:], environment: [:], file: directory.file(yaml))
}

/// The configuration of flags alone; an export is added when there is none.
func configuration(_ flags: [Setting: [String]]) throws -> ServerConfiguration {
    try ServerConfiguration(flags: flags.merging([.export: ["/data"]]) { given, _ in given }, environment: [:], file: nil)
}

/// The problems `body` fails with, without the directory of the configuration file.
func problems(_ body: () throws -> ServerConfiguration) -> [String] {
    do {
        _ = try body()
        return []
    } catch let error as ConfigurationError {
        return error.problems.map { problem in
            problem.replacing(#/\/\S*\/configuration-[0-9A-F-]+\//#, with: "")
        }
    } catch {
        return ["\(error)"]
    }
}
