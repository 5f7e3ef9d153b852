import NFSTestClient

/// What the workloads of one run work on, made once and kept for the next.
struct Files {
    static let count = 1000
    /// Of the file that is read, in bytes.
    static let dataSize = 128 << 20
    /// Of a file that one of so many connections writes to: all together stay below what a kernel keeps in memory before it holds
    /// writers back, or the device would be measured.
    static func writtenSize(connections: Int) -> Int { min(dataSize, max(1, 1024 / connections) << 20) }

    let directory: FileHandle
    /// Where files are created and removed.
    let created: FileHandle
    /// Holds the files of `handles` and no others.
    let many: FileHandle
    let handles: [FileHandle]

    /// The file of `dataSize` bytes that is read.
    static let dataName = "data"

    /// The attributes that Linux asks for.
    static let attributes: AttributeSet = [
        .type, .change, .size, .fsid, .fileID, .mode, .numLinks, .owner, .ownerGroup, .rawDev, .spaceUsed, .timeAccess, .timeMetadata,
        .timeModify, .mountedOnFileID,
    ]
    static let entryAttributes = AttributeSet(attributes.bits.compactMap(Attribute.init) + [.rdattrError, .fileHandle])

    static func name(_ index: Int) -> String { "f" + String(index + 1 << 28, radix: 16).dropFirst() }

    static func prepare(for workload: Workload, _ session: TestSession, path: [String]) async throws -> Files {
        let export = try await session.lookup(path: path)
        let directory = try await session.directory(export, "nfs-bench")
        let many = try await session.directory(directory, "files-\(count)")
        var handles: [FileHandle] = []
        if workload.usesFiles {
            for index in 0..<count { handles.append(try await session.file(many, name(index))) }
        }
        if workload.reads {
            let data = try await session.opened(directory, dataName)
            try await session.fill(data, dataSize)
            try await session.close(data)
        }
        let created = try await session.directory(directory, "created")
        return Files(directory: directory, created: created, many: many, handles: handles)
    }
}

extension TestSession {
    fileprivate func directory(_ parent: FileHandle, _ name: String) async throws -> FileHandle {
        let made = try await compound(.putFH(parent), .create(.directory, name, .mode(0o777)))
        if made.status != .exist { try made.succeeded() }
        return try await lookup(parent, name)
    }

    /// Opens a file, makes it when it is not there. Tries again while the server asks for patience, as it does when it has
    /// just been started.
    func opened(_ directory: FileHandle, _ name: String) async throws -> OpenedFile {
        for _ in 0..<150 {
            do {
                return try await open(directory, name, access: [.both, .wantNoDelegation], owner: StateOwner(clientID: clientID, id: [1]))
            } catch let error as UnexpectedReply where [.grace, .delay].contains(error.reply.status) {
                try await Task.sleep(for: .seconds(1))
            }
        }
        throw LoadFailure("the server has put off an OPEN for 150 seconds")
    }

    /// A closed file.
    fileprivate func file(_ directory: FileHandle, _ name: String) async throws -> FileHandle {
        let found = try await compound(.putFH(directory), .lookup(name), .getFH)
        if found.status == .ok { return try found.fileHandle }
        let file = try await opened(directory, name)
        try await close(file)
        return file.handle
    }

    /// Gives a file so many bytes, unless it has as many.
    func fill(_ file: OpenedFile, _ size: Int) async throws {
        guard try await attributes(file.handle, [.size]).size ?? 0 < UInt64(size) else { return }
        let block = [UInt8](Payload.bytes.prefix(1 << 20))
        for offset in stride(from: 0, to: size, by: block.count) {
            try await run(.putFH(file.handle), .write(file.stateID, offset: UInt64(offset), block))
        }
        try await run(.putFH(file.handle), .commit())
    }
}

/// What is written: bytes that compress badly, which do not repeat within the longest block.
enum Payload {
    private static let size = 2 << 20

    nonisolated(unsafe) static let bytes: UnsafeRawBufferPointer = {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 4096)
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        for place in stride(from: 0, to: size, by: 8) {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            buffer.storeBytes(of: state, toByteOffset: place, as: UInt64.self)
        }
        return UnsafeRawBufferPointer(buffer)
    }()

    /// Other bytes for each offset, up to a MiB.
    static func bytes(at offset: Int) -> UnsafeRawPointer { bytes.baseAddress! + offset / 4096 % 256 * 4096 }
}
