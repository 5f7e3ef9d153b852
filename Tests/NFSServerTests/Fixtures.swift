import FileSystem
import MemoryFileSystem
import NFSServer
import NFSTestClient

/// A file system anybody may use, of which each number names another.
func memoryFiles(_ number: UInt64 = 1) throws -> MemoryFileSystem {
    let files = MemoryFileSystem(identity: FileSystemIdentity(high: 7, low: number))
    try files.root.setAttributes(AttributeChanges(mode: 0o777), Caller(.superuser, mayBlock: true))
    return files
}

extension TestSession {
    /// The filehandle at an absolute path.
    func lookup(_ path: String) async throws -> FileHandle { try await lookup(path: path.split(separator: "/").map(String.init)) }

    /// How it ends to go to an absolute path.
    func outcome(of path: String, credential: Credential? = nil) async throws -> Outcome? {
        try await compound([.putRootFH] + path.split(separator: "/").map { .lookup(String($0)) }, credential: credential).outcome
    }
}
