import Glibc

/// A program that ran to its end.
package struct FinishedProgram: Sendable {
    /// Its exit code, or 128 and the number of the signal that ended it.
    package let status: Int32
    package let output: String
    package let errors: String

    /// Runs it, and blocks meanwhile.
    /// - Parameters:
    ///   - environment: all of it, as `NAME=VALUE`; nil for that of this process.
    ///   - input: the file it reads.
    package init(
        _ program: String, _ arguments: [String], environment: [String]? = nil, input: String = "/dev/null"
    ) throws(SpawnFailure) {
        // Files without a name, so that nobody has to read while the program writes.
        guard let output = tmpfile() else { throw SpawnFailure(program: program, code: errno) }
        defer { fclose(output) }
        guard let errors = tmpfile() else { throw SpawnFailure(program: program, code: errno) }
        defer { fclose(errors) }
        let id = try spawn(program, arguments, environment: environment ?? inheritedEnvironment()) { actions in
            posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, fileno(output), 1)
            posix_spawn_file_actions_adddup2(&actions, fileno(errors), 2)
        }
        var end: Int32 = 0
        while waitpid(id, &end, 0) < 0, errno == EINTR {}
        status = end & 0x7f == 0 ? end >> 8 & 0xff : 128 + end & 0x7f
        self.output = Self.content(of: output)
        self.errors = Self.content(of: errors)
    }

    private static func content(of file: UnsafeMutablePointer<FILE>) -> String {
        let descriptor = fileno(file)
        let size = Int(lseek(descriptor, 0, SEEK_END))
        let bytes = [UInt8](unsafeUninitializedCapacity: max(size, 0)) { buffer, count in
            count = max(pread(descriptor, buffer.baseAddress, buffer.count, 0), 0)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
