/// An open file as its opener knows it.
package struct OpenedFile: Sendable {
    package let handle: FileHandle
    package let result: OpenResult

    package var stateID: StateID { result.stateID }
}

extension TestSession {
    /// PUTROOTFH and a LOOKUP for each component.
    package func lookup(path: [String]) async throws -> FileHandle {
        try await compound([.putRootFH] + path.map { .lookup($0) } + [.getFH]).succeeded().fileHandle
    }

    package func lookup(_ directory: FileHandle, _ name: String) async throws -> FileHandle {
        try await run(.putFH(directory), .lookup(name), .getFH).fileHandle
    }

    package func makeDirectory(_ directory: FileHandle, _ name: String, mode: UInt32 = 0o777) async throws -> FileHandle {
        try await run(.putFH(directory), .create(.directory, name, .mode(mode)), .getFH).fileHandle
    }

    /// Opens a file by name, creating it when it is not there.
    package func open(
        _ directory: FileHandle, _ name: String, _ how: Operation.OpenHow = .unchecked(.mode(0o666)), access: Share = .both,
        deny: Share = .none, owner: StateOwner = "owner", credential: Credential? = nil
    ) async throws -> OpenedFile {
        let open = Operation.open(.null(name), how, access: access, deny: deny, owner: owner)
        let reply = try await run(.putFH(directory), open, .getFH, credential: credential)
        return OpenedFile(handle: try reply.fileHandle, result: try reply.open)
    }

    /// A closed file with the given content.
    package func makeFile(_ directory: FileHandle, _ name: String, _ data: [UInt8] = [], mode: UInt32 = 0o666) async throws -> FileHandle {
        let file = try await open(directory, name, .guarded(.mode(mode)))
        if !data.isEmpty { try await run(.putFH(file.handle), .write(file.stateID, data, .fileSync)) }
        try await close(file)
        return file.handle
    }

    package func close(_ file: OpenedFile) async throws {
        try await run(.putFH(file.handle), .close(file.stateID))
    }

    package func attributes(_ handle: FileHandle, _ attributes: AttributeSet) async throws -> FileAttributes {
        try await run(.putFH(handle), .getAttr(attributes)).attributes
    }

    package func read(_ handle: FileHandle, _ stateID: StateID = .anonymous, count: UInt32 = 65536) async throws -> [UInt8] {
        try await run(.putFH(handle), .read(stateID, count: count)).read.data
    }

    /// Takes a first lock for `owner` on an open file and returns its lock stateid.
    package func lock(
        _ file: OpenedFile, _ type: LockType = .write, offset: UInt64 = 0, length: UInt64 = .max, owner: StateOwner = "lock owner"
    ) async throws -> StateID {
        try await run(.putFH(file.handle), .lock(type, offset: offset, length: length, .open(file.stateID, owner))).stateID
    }

    /// All entries of a directory, in as many READDIRs as it takes.
    package func entries(_ directory: FileHandle, maxCount: UInt32 = 32768, _ attributes: AttributeSet = []) async throws -> [Entries.Entry]
    {
        var all: [Entries.Entry] = []
        var verifier = Verifier.zero
        while true {
            let request = Operation.readDir(cookie: all.last?.cookie ?? 0, verifier: verifier, maxCount: maxCount, attributes)
            let page = try await run(.putFH(directory), request).entries
            all += page.entries
            verifier = page.verifier
            if page.eof { return all }
            guard !page.entries.isEmpty else { throw ProtocolViolation("READDIR returned no entry and no eof") }
        }
    }
}
