import ConformanceRecord
import NFSTestClient
import Testing

/// What holds for operations whichever they are.
@Suite("Every operation", .coversEveryOperation)
struct EveryOperationTests {
    private static let notOffered: Set<OperationCode> = [
        .delegPurge, .delegReturn, .getDeviceInfo, .getDeviceList, .layoutCommit, .layoutGet, .layoutReturn, .openAttr, .openConfirm,
        .releaseLockOwner, .renew, .setClientID, .setClientIDConfirm, .setSSV, .wantDelegation, .illegal,
    ]

    /// Those that need not stand behind a SEQUENCE.
    private static let outsideSessions: Set<OperationCode> = [
        .sequence, .exchangeID, .createSession, .destroySession, .bindConnToSession, .destroyClientID, .illegal,
    ]

    @Test(
        "outside a session an operation is OP_NOT_IN_SESSION (RFC 8881 §2.10.3)",
        arguments: OperationCode.allCases.filter { !outsideSessions.contains($0) })
    func notInSession(_ code: OperationCode) async throws {
        #expect(try await newConnection().compound(.sample(code)).outcome == Outcome(code, .opNotInSession))
    }

    @Test(
        "arguments cut short are BADXDR (§15.1.1.1)",
        arguments: OperationCode.allCases.filter { !notOffered.contains($0) && !Operation.sample($0).arguments.isEmpty })
    func truncated(_ code: OperationCode) async throws {
        var operation = Operation.sample(code)
        operation.arguments.removeLast(4)
        let alone = Self.outsideSessions.contains(code)
        let reply =
            alone ? try await newConnection().compound(operation) : try await newSession().compound(.putRootFH, .saveFH, operation)
        #expect(reply.outcome == Outcome(code, .badXDR))
    }

    @Test(
        "without a current filehandle an operation that works on one is NOFILEHANDLE (§15.1.2.5)",
        arguments: [
            .access, .close, .commit, .create, .getAttr, .getDirDelegation, .getFH, .link, .lock, .lockT, .lockU, .lookup, .lookupP,
            .nVerify, .open, .openDowngrade, .read, .readDir, .readLink, .remove, .rename, .restoreFH, .saveFH, .secInfo, .secInfoNoName,
            .setAttr, .verify, .write,
        ] as [OperationCode])
    func noFileHandle(_ code: OperationCode) async throws {
        #expect(try await newSession().compound(.sample(code)).outcome == Outcome(code, .noFileHandle))
    }

    // MARK: Room for the reply

    /// Operations whose result is more than a status, each on something it can succeed with.
    private static let withResult: [OperationCode] = [
        .access, .close, .commit, .create, .getAttr, .getDirDelegation, .getFH, .link, .lock, .lockT, .lockU, .open, .openDowngrade, .read,
        .readDir, .readLink, .remove, .rename, .secInfo, .secInfoNoName, .setAttr, .testStateID, .write,
    ]

    /// Those whose result is a status, for which there is always room, but not always for that of an operation behind them.
    private static let withStatusOnly: [OperationCode] = [
        .backchannelCtl, .createSession, .destroyClientID, .destroySession, .exchangeID, .freeStateID, .lookup, .lookupP, .nVerify,
        .putFH, .putPubFH, .putRootFH, .reclaimComplete, .restoreFH, .saveFH, .verify,
    ]

    @Test(
        "a result for which the reply has no room left is REP_TOO_BIG, and nothing is done (§2.10.6.4)",
        arguments: withResult + withStatusOnly)
    func replyTooBig(_ code: OperationCode) async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSize = 496
        try await expectNoRoom(for: code, fore, cacheThis: false, .repTooBig)
    }

    @Test(
        "one for which the cache has no room is REP_TOO_BIG_TO_CACHE if it was to be cached (§2.10.6.4)",
        arguments: withResult + withStatusOnly)
    func replyTooBigToCache(_ code: OperationCode) async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSizeCached = 496
        try await expectNoRoom(for: code, fore, cacheThis: true, .repTooBigToCache)
    }

    @Test("whatever room is left, a compound ends within its limit", arguments: Array(stride(from: 0, through: 64, by: 4)))
    func anyRoom(_ room: Int) async throws {
        var fore = ChannelAttributes()
        fore.maxResponseSize = 496
        let session = try await newSession(fore: fore)
        let sequence = await session.nextSequence()
        let tag = [UInt8](repeating: UInt8(ascii: "t"), count: 496 - (24 + 4 + 4 + 4 + 44) - room)
        let reply = try await session.connection.compound([sequence] + Array(repeating: .putRootFH, count: 10), tag: tag)
        #expect(reply.status == .repTooBig)
        #expect(reply.bytes.count + 24 <= 496)
    }

    /// Fills a reply of 496 bytes with its tag but for the 12 bytes any operation needs to fail.
    private func expectNoRoom(for code: OperationCode, _ fore: ChannelAttributes, cacheThis: Bool, _ status: Status) async throws {
        let (setUp, directory) = try await newDirectory()
        let create = Operation.createSession(clientID: setUp.clientID, sequence: setUp.nextCreateSequence, fore: fore)
        let session = try await setUp.connection.compound(create).succeeded().session.id
        let subject = try await Subject(directory, setUp)
        let before = try await setUp.attributes(directory, [.change])
        let (handles, operation) = subject.request(code)
        // RPC header, status, tag, count, SEQUENCE, filehandle operations, and the failure.
        let used = 24 + 4 + 4 + 4 + 44 + 8 * handles.count + 12
        let tag = [UInt8](repeating: UInt8(ascii: "t"), count: 496 - used)
        let sequence = Operation.sequence(session, sequence: 1, cacheThis: cacheThis)
        let behind: [Operation] = Self.withStatusOnly.contains(code) ? [.putRootFH] : []
        let reply = try await setUp.connection.compound([sequence] + handles + [operation] + behind, tag: tag)
        #expect(reply.outcome == Outcome(code, status))
        #expect(reply.bytes.count + 24 <= 496)
        #expect(try await setUp.attributes(directory, [.change]) == before)
    }

    /// Files and state on which each operation can succeed.
    private struct Subject {
        let directory: FileHandle
        let file: OpenedFile
        let link: FileHandle
        let lock: StateID

        init(_ directory: FileHandle, _ session: TestSession) async throws {
            self.directory = directory
            file = try await session.open(directory, "file")
            lock = try await session.lock(file)
            link = try await session.run(.putFH(directory), .create(.symlink(Array("target".utf8)), "link"), .getFH).fileHandle
        }

        /// The operations that lead to `code`, and `code`.
        func request(_ code: OperationCode) -> ([Operation], Operation) {
            let onDirectory = [Operation.putFH(directory)]
            let onFile = [Operation.putFH(file.handle)]
            return switch code {
            case .access, .create, .getDirDelegation, .readDir, .secInfoNoName: (onDirectory, .sample(code))
            case .commit, .getAttr, .getFH, .setAttr: (onFile, .sample(code))
            case .close: (onFile, .close(file.stateID))
            case .link: (onFile + [.saveFH] + onDirectory, .link("second"))
            case .lock: (onFile, .lock(.write, .open(file.stateID, "another")))
            case .lockT: (onFile, .lockT(.write, owner: "another"))
            case .lockU: (onFile, .lockU(lock))
            case .open: (onDirectory, .open(.null("new"), .unchecked(.mode(0o644))))
            case .openDowngrade: (onFile, .openDowngrade(file.stateID, access: .both))
            case .read: (onFile, .read(file.stateID, count: 1))
            case .readLink: ([.putFH(link)], .readLink)
            case .remove: (onDirectory, .remove("file"))
            case .rename: (onDirectory + [.saveFH], .rename("file", to: "other"))
            case .secInfo: (onDirectory, .secInfo("file"))
            case .testStateID: ([], .testStateID([file.stateID]))
            case .write: (onFile, .write(file.stateID, [1]))
            default: ([], .sample(code))
            }
        }
    }
}
