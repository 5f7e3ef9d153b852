import NFSTestClient

/// A request that is made over and over.
enum HotOperation: String, CaseIterable {
    case sequence = "SEQUENCE"
    case getattr = "GETATTR"
    case lookup = "LOOKUP"
    case read4k = "READ 4 KiB"
    case write4k = "WRITE 4 KiB"
    case openClose = "OPEN and CLOSE"
    case lockUnlock = "LOCK and LOCKU"
    case readdir = "READDIR of 100 entries"
}

/// What the engine serves.
enum Volume: String, CaseIterable {
    case memory = "file system in memory"
    case local = "mounted file system"
}

extension HotOperation {
    /// Prepares files and encodes a request for each operation. A stateid with the seqid 0 is the newest.
    static func requests(_ session: TestSession, slot: UInt32) async throws -> [Self: [UInt8]] {
        let root = try await session.lookup(path: ["volume"])
        let file = try await session.open(root, "file")
        try await session.run(.putFH(file.handle), .write(file.stateID, Array(repeating: 1, count: 4096)))
        let closed = try await session.makeFile(root, "closed")
        let many = try await session.makeDirectory(root, "many")
        for index in 0..<100 { _ = try await session.makeFile(many, "entry \(index)") }
        let open = file.stateID.with(seqid: 0)
        let lock = try await session.lock(file, length: 10).with(seqid: 0)
        try await session.run(.putFH(file.handle), .lockU(lock, length: 10))
        let attributes: AttributeSet = [
            .type, .change, .size, .fsid, .fileID, .mode, .numLinks, .owner, .ownerGroup, .rawDev, .spaceUsed, .timeAccess, .timeMetadata,
            .timeModify, .mountedOnFileID,
        ]
        func encode(_ operations: Operation...) -> [UInt8] {
            let sequence = Operation.sequence(session.id, sequence: 0, slot: slot, highestSlot: slot)
            return RPCCall(xid: 1, arguments: Connection.compoundArguments([sequence] + operations)).bytes
        }
        return [
            .sequence: encode(),
            .getattr: encode(.putFH(closed), .getAttr(attributes)),
            .lookup: encode(.putFH(root), .lookup("closed"), .getFH, .getAttr(attributes)),
            .read4k: encode(.putFH(file.handle), .read(open, count: 4096)),
            .write4k: encode(.putFH(file.handle), .write(open, Array(repeating: 2, count: 4096))),
            .openClose: encode(
                .putFH(root), .open(.null("closed"), access: [.read, .wantNoDelegation], owner: "another"), .getFH, .access(.all),
                .getAttr(attributes), .close(.current)),
            .lockUnlock: encode(
                .putFH(file.handle), .lock(.write, length: 10, .lock(lock)), .lockU(lock, length: 10)),
            .readdir: encode(.putFH(many), .readDir(maxCount: 65536, attributes)),
        ]
    }
}
