import ConformanceRecord
import NFSTestClient
import Testing

/// A file open for reading and writing by two clients.
struct SharedFile {
    let session: TestSession
    let file: OpenedFile
    let otherSession: TestSession
    let otherFile: OpenedFile

    var handle: FileHandle { file.handle }

    init() async throws {
        let (session, directory) = try await newDirectory()
        self.session = session
        file = try await session.open(directory, "file")
        otherSession = try await newSession()
        otherFile = try await otherSession.open(directory, "file")
    }

    /// What the other client is answered when it asks for a lock.
    func otherLock(_ type: LockType = .write, offset: UInt64 = 0, length: UInt64 = .max) async throws -> CompoundReply {
        let lock = Operation.lock(type, offset: offset, length: length, .open(otherFile.stateID, "other owner"))
        return try await otherSession.compound(.putFH(handle), lock)
    }

    /// Whether the other client could lock a range, without locking it.
    func isFree(_ type: LockType = .write, offset: UInt64, length: UInt64) async throws -> Bool {
        let test = Operation.lockT(type, offset: offset, length: length, owner: "other owner")
        let reply = try await otherSession.compound(.putFH(handle), test)
        if reply.status == .denied { return false }
        try reply.succeeded()
        return true
    }
}

@Suite(
    "LOCK (RFC 8881 §18.10)",
    .covers(
        .lock,
        never: [
            .badRange: "ranges of 64 bits are supported",
            .deadlock:
                "a waiter may have given up without a word, so that a circle of them proves nothing: each is denied and may ask again",
            .lockNotSupp: "locks are upgraded and downgraded in place",
            .lockRange: "any part of what is held can be locked and unlocked, as POSIX has it",
            .reclaimBad: "what the client held before is not on record, only that it may have held something",
            .roFS:
                "a lock changes no file; what is read-only cannot be opened for writing, and so cannot be locked for it: NFS4ERR_OPENMODE",
            .stale: "PUTFH finds that a file is gone, and an open one can be locked though its name is removed",
        ]))
struct LockTests {
    @Test("a first lock gives a stateid of its own with seqid 1, a second raises the seqid (§8.2.2)")
    func stateID() async throws {
        let shared = try await SharedFile()
        let first = try await shared.session.lock(shared.file, offset: 0, length: 10)
        #expect(first.seqid == 1)
        #expect(first.other != shared.file.stateID.other)
        let second = Operation.lock(.write, offset: 20, length: 10, .lock(first))
        #expect(try await shared.session.run(.putFH(shared.handle), second).stateID == first.with(seqid: 2))
    }

    @Test("a conflict is DENIED and tells whose lock it is (§18.10.3)")
    func denied() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, offset: 100, length: 50, owner: "holder")
        let reply = try await shared.otherLock(offset: 120, length: 5)
        #expect(reply.outcome == Outcome(.lock, .denied))
        let denied = try reply.lockDenied
        #expect(denied.offset == 100)
        #expect(denied.length == 50)
        #expect(denied.type == .write)
        #expect(denied.owner.id == Array("holder".utf8))
    }

    @Test("read locks share, write locks exclude", arguments: [LockType.read, .write], [LockType.read, .write])
    func conflicts(_ held: LockType, _ wanted: LockType) async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, held)
        #expect(try await shared.otherLock(wanted).status == (held == .read && wanted == .read ? .ok : .denied))
    }

    @Test("only ranges that touch conflict")
    func ranges() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, offset: 100, length: 100)
        let expected: [(offset: UInt64, length: UInt64, free: Bool)] = [
            (0, 100, true), (0, 101, false), (99, 1, true), (100, 1, false), (150, 10, false), (199, 1, false), (200, 1, true),
            (200, .max, true), (0, .max, false), (50, 1000, false),
        ]
        for (offset, length, free) in expected {
            #expect(try await shared.isFree(offset: offset, length: length) == free, "\(offset) \(length)")
        }
    }

    @Test("owners of one client exclude each other")
    func ownersOfOneClient() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, owner: "a")
        let lock = Operation.lock(.write, .open(shared.file.stateID, "b"))
        #expect(try await shared.session.compound(.putFH(shared.handle), lock).outcome == Outcome(.lock, .denied))
    }

    @Test("owners of two clients with the same name are two owners")
    func sameName() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, owner: "other owner")
        #expect(try await shared.otherLock().outcome == Outcome(.lock, .denied))
    }

    @Test(
        "a length of zero is INVAL, one beyond the end of all offsets too (§18.10.3)",
        arguments: [(0, 0), (9, 0), (2, .max - 1), (.max, 2)] as [(UInt64, UInt64)])
    func badRange(_ offset: UInt64, _ length: UInt64) async throws {
        let shared = try await SharedFile()
        let lock = Operation.lock(.write, offset: offset, length: length, .open(shared.file.stateID, "owner"))
        #expect(try await shared.session.compound(.putFH(shared.handle), lock).outcome == Outcome(.lock, .inval))
    }

    @Test("a length of all ones is to the end, wherever that is")
    func toTheEnd() async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, offset: 1 << 40, length: .max)
        #expect(try await shared.isFree(offset: 0, length: 1 << 40))
        for offset in [1 << 40, 1 << 62, (1 << 63) - 1] as [UInt64] {
            #expect(try await !shared.isFree(offset: offset, length: 1))
        }
        #expect(try await shared.otherLock(offset: 0).lockDenied.length == .max)
    }

    @Test("the last bytes of all can be locked", arguments: [(.max - 1, 1), (.max, .max), (1, .max - 1)] as [(UInt64, UInt64)])
    func lastByte(_ offset: UInt64, _ length: UInt64) async throws {
        let shared = try await SharedFile()
        _ = try await shared.session.lock(shared.file, offset: offset, length: length, owner: "owner")
        #expect(try await shared.otherLock(offset: .max - 1, length: .max).status == .denied)
        #expect(try await shared.isFree(offset: 0, length: 1))
    }

    @Test("an owner's lock is upgraded and downgraded in place")
    func upgradeAndDowngrade() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file, .read, offset: 0, length: 100)
        #expect(try await shared.isFree(.read, offset: 0, length: 100))
        let upgraded = try await shared.session.run(
            .putFH(shared.handle), .lock(.write, offset: 0, length: 100, .lock(lock))
        ).stateID
        #expect(try await !shared.isFree(.read, offset: 0, length: 100))
        let downgraded = Operation.lock(.read, offset: 30, length: 10, .lock(upgraded))
        try await shared.session.run(.putFH(shared.handle), downgraded)
        #expect(try await shared.isFree(.read, offset: 30, length: 10))
        #expect(try await !shared.isFree(.write, offset: 30, length: 10))
        #expect(try await !shared.isFree(.read, offset: 0, length: 30))
        #expect(try await !shared.isFree(.read, offset: 40, length: 60))
    }

    @Test("an upgrade against another's read lock is DENIED and leaves the lock as it was")
    func deniedUpgrade() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file, .read)
        try await shared.otherLock(.read).succeeded()
        let upgrade = Operation.lock(.write, .lock(lock))
        #expect(try await shared.session.compound(.putFH(shared.handle), upgrade).outcome == Outcome(.lock, .denied))
        #expect(try await !shared.isFree(.write, offset: 0, length: 1))
        #expect(try await shared.isFree(.read, offset: 0, length: 1))
    }

    @Test("neighbouring and overlapping locks of one owner become one")
    func merge() async throws {
        let shared = try await SharedFile()
        var lock = try await shared.session.lock(shared.file, offset: 0, length: 10)
        for (offset, length) in [(20, 10), (10, 10), (5, 30)] as [(UInt64, UInt64)] {
            lock = try await shared.session.run(
                .putFH(shared.handle), .lock(.write, offset: offset, length: length, .lock(lock))
            ).stateID
        }
        let denied = try await shared.otherLock(offset: 34, length: 1).lockDenied
        #expect(denied.offset == 0 && denied.length == 35)
        #expect(try await shared.isFree(offset: 35, length: 1))
    }

    @Test("a lock needs the open to allow it: OPENMODE", arguments: [(Share.read, LockType.write), (.write, .read)])
    func openMode(_ access: Share, _ type: LockType) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file", access: access)
        let reply = try await session.compound(.putFH(file.handle), .lock(type, .open(file.stateID, "owner")))
        #expect(reply.outcome == Outcome(.lock, .openMode))
    }

    @Test("blocking types ask for the same locks and are answered at once: DENIED (§9.6)", .timeLimit(.minutes(1)))
    func blocking() async throws {
        let shared = try await SharedFile()
        let read = try await shared.session.lock(shared.file, .blockingRead)
        try await shared.session.run(.putFH(shared.handle), .lock(.blockingWrite, .lock(read)))
        #expect(try await shared.otherLock(.blockingWrite).outcome == Outcome(.lock, .denied))
        #expect(try await shared.otherLock(.blockingRead).outcome == Outcome(.lock, .denied))
    }

    @Test("a reclaim without a grace period is NO_GRACE")
    func reclaim() async throws {
        let shared = try await SharedFile()
        let lock = Operation.lock(.write, .open(shared.file.stateID, "owner"), reclaim: true)
        #expect(try await shared.session.compound(.putFH(shared.handle), lock).outcome == Outcome(.lock, .noGrace))
    }

    @Test("the stateid of no open, of another file or another client is BAD_STATEID")
    func badStateID() async throws {
        let shared = try await SharedFile()
        let directory = try await sharedServer().newDirectory(shared.session)
        let second = try await shared.session.open(directory, "second")
        for stateID in [StateID.anonymous, .readBypass, second.stateID, shared.otherFile.stateID] {
            let reply = try await shared.session.compound(.putFH(shared.handle), .lock(.write, .open(stateID, "owner")))
            #expect(reply.outcome == Outcome(.lock, .badStateID))
        }
        let openAsLock = try await shared.session.compound(.putFH(shared.handle), .lock(.write, .lock(shared.file.stateID)))
        #expect(openAsLock.outcome == Outcome(.lock, .badStateID))
    }

    @Test("an old lock stateid is OLD_STATEID")
    func oldStateID() async throws {
        let shared = try await SharedFile()
        let lock = try await shared.session.lock(shared.file, offset: 0, length: 1)
        try await shared.session.run(.putFH(shared.handle), .lock(.write, offset: 5, length: 1, .lock(lock)))
        let reply = try await shared.session.compound(.putFH(shared.handle), .lock(.write, offset: 9, length: 1, .lock(lock)))
        #expect(reply.outcome == Outcome(.lock, .oldStateID))
    }

    @Test("the stateid of an open before its upgrade is OLD_STATEID, with seqid zero it is the newest (§8.2.2)")
    func oldOpen() async throws {
        let shared = try await SharedFile()
        try await shared.session.run(.putFH(shared.handle), .open(.fileHandle))
        let old = Operation.lock(.write, .open(shared.file.stateID, "owner"))
        #expect(try await shared.session.compound(.putFH(shared.handle), old).outcome == Outcome(.lock, .oldStateID))
        let newest = Operation.lock(.write, .open(shared.file.stateID.with(seqid: 0), "owner"))
        #expect(try await shared.session.compound(.putFH(shared.handle), newest).status == .ok)
    }

    @Test(
        "a seqid that was never handed out is BAD_STATEID (§8.2.2)", arguments: [2, .max / 2, .max / 2 + 2, .max - (1 << 16)] as [UInt32])
    func futureStateID(_ seqid: UInt32) async throws {
        let shared = try await SharedFile()
        let open = Operation.lock(.write, .open(shared.file.stateID.with(seqid: seqid), "owner"))
        #expect(try await shared.session.compound(.putFH(shared.handle), open).outcome == Outcome(.lock, .badStateID))
        let lock = try await shared.session.lock(shared.file, owner: "owner")
        let again = Operation.lock(.write, .lock(lock.with(seqid: seqid)))
        #expect(try await shared.session.compound(.putFH(shared.handle), again).outcome == Outcome(.lock, .badStateID))
    }

    @Test("an owner that says it is new under an open goes on with the stateid it has there (§18.10.3)")
    func notNew() async throws {
        let shared = try await SharedFile()
        let first = try await shared.session.lock(shared.file, offset: 0, length: 10)
        #expect(try await shared.session.lock(shared.file, offset: 20, length: 10) == first.with(seqid: 2))
    }

    @Test("an owner's locks under two opens are one set, each change counts only the stateid it went through (§9.5)")
    func twoOpens() async throws {
        let shared = try await SharedFile()
        let (session, handle) = (shared.session, shared.handle)
        let open = try await session.run(.putFH(handle), .open(.fileHandle, owner: "second opener")).open.stateID
        let first = try await session.lock(shared.file, offset: 0, length: 100, owner: "owner")
        let second = try await session.run(.putFH(handle), .lock(.read, offset: 50, length: 10, .open(open, "owner"))).stateID
        #expect(second.other != first.other && second.seqid == 1)
        #expect(try await shared.isFree(.read, offset: 50, length: 10))
        #expect(try await session.run(.putFH(handle), .lockU(first, offset: 50, length: 50)).stateID == first.with(seqid: 2))
        #expect(try await shared.isFree(offset: 50, length: 50))
        #expect(try await session.run(.putFH(handle), .lockU(second, offset: 0, length: 50)).stateID == second.with(seqid: 2))
        #expect(try await shared.isFree(offset: 0, length: .max))
    }

    @Test("of what is no regular file it is ISDIR, SYMLINK or WRONG_TYPE (§18.10.3)", arguments: WrongType.all)
    func wrongType(_ wrong: WrongType) async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.open(directory, "file")
        let lock = Operation.lock(.write, .open(file.stateID, "owner"))
        #expect(try await session.compound(.putFH(wrong.make(in: directory, session)), lock).outcome == Outcome(.lock, wrong.status))
    }

    @Test("an undefined lock type is BADXDR", arguments: [0, 5, UInt32.max])
    func undefinedType(_ type: UInt32) async throws {
        let shared = try await SharedFile()
        for var operation in [
            Operation.lock(.write, .open(shared.file.stateID, "owner")), .lockT(.write, owner: "owner"), .lockU(shared.file.stateID),
        ] {
            var encoder = XDREncoder()
            encoder.uint32(type)
            operation.arguments.replaceSubrange(0..<4, with: encoder.bytes)
            #expect(try await shared.session.compound(.putFH(shared.handle), operation).status == .badXDR)
        }
    }

    @Test("a retry is answered as the first time, and locks once")
    func replay() async throws {
        let shared = try await SharedFile()
        let lock = [Operation.putFH(shared.handle), .lock(.write, .open(shared.file.stateID, "owner"))]
        let first = try await shared.session.compound(lock, cacheThis: true)
        let again = try await shared.session.connection.compound([await shared.session.lastSequence(cacheThis: true)] + lock)
        #expect(again.bytes == first.bytes)
        let unlocked = try await shared.session.run(.putFH(shared.handle), .lockU(first.stateID))
        #expect(try unlocked.stateID.seqid == 2)
    }

    @Test("a thousand separate locks of one owner are all kept")
    func many() async throws {
        let shared = try await SharedFile()
        var lock = try await shared.session.lock(shared.file, offset: 0, length: 1)
        for start in stride(from: UInt64(10), to: 10_000, by: 10) {
            lock = try await shared.session.run(.putFH(shared.handle), .lock(.write, offset: start, length: 1, .lock(lock))).stateID
        }
        for start in stride(from: UInt64(0), to: 10_000, by: 970) {
            #expect(try await !shared.isFree(offset: start, length: 1))
            #expect(try await shared.isFree(offset: start + 1, length: 9))
        }
        try await shared.session.run(.putFH(shared.handle), .lockU(lock))
        #expect(try await shared.isFree(offset: 0, length: .max))
    }

    @Test("open, lock, write, unlock and close follow each other in one compound by the current stateid (§16.2.3.1.2)")
    func currentStateID() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.compound(
            .putFH(directory), .open(.null("file"), .unchecked(.none)), .lock(.write, .open(.current, "owner")), .write(.current, [1]),
            .lockU(.current), .getFH)
        #expect(reply.status == .ok, "\(reply)")
        #expect(try await session.read(reply.fileHandle) == [1])
    }
}

/// What cannot be opened, and how an operation on opens or locks says so.
struct WrongType: Sendable, CustomTestStringConvertible {
    let type: Operation.CreateType
    let status: Status

    static let all = [
        WrongType(type: .directory, status: .isDir), WrongType(type: .symlink(to: "target"), status: .symlink),
        WrongType(type: .fifo, status: .wrongType), WrongType(type: .socket, status: .wrongType),
    ]

    var testDescription: String { "\(type)" }

    func make(in directory: FileHandle, _ session: TestSession) async throws -> FileHandle {
        try await session.run(.putFH(directory), .create(type, "wrong"), .getFH).fileHandle
    }
}
