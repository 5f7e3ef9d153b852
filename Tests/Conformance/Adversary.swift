import NFSTestClient

/// Reproducible random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return mixed ^ mixed >> 31
    }
}

/// Sends what no honest client sends, and afterwards sees whether the server still serves one.
actor Adversary {
    let server: ServerUnderTest
    private let processID: Int32?
    private let residentBefore: Int
    private var socket: SocketExchange
    private var session: TestSession?
    /// How many requests went out behind a good SEQUENCE, and how many of these were accepted and so got to the spoiled part.
    private var sent = 0
    private var accepted = 0
    private(set) var directory: FileHandle

    init(_ server: ServerUnderTest) async throws {
        self.server = server
        let honest = try await server.session()
        directory = try await server.newDirectory(honest)
        socket = try await server.socket()
        processID = await server.processID
        residentBefore = try await server.residentBytes()
    }

    /// Sends a record. The server has to answer it, or to close the connection; both are fine, silence is not.
    @discardableResult
    func send(_ record: [UInt8]) async throws -> [UInt8]? {
        do {
            return try await socket.exchange(record)
        } catch ConnectionError.closed {
            await socket.close()
            socket = try await server.socket()
            return nil
        }
    }

    /// Sends operations after a SEQUENCE and PUTFH that are good, and `spoil`s the record before it leaves.
    func send(_ operations: [Operation], spoil: (inout [UInt8]) -> Void = { _ in }) async throws {
        let session = try await liveSession()
        sent += 1
        let request = [await session.nextSequence(), .putFH(directory)] + operations
        var record = RPCCall(xid: Connection.newXID(), arguments: Connection.compoundArguments(request)).bytes
        spoil(&record)
        // The answer to a spoiled request need not decode; what counts is whether its SEQUENCE was accepted.
        guard let answer = try await send(record), let reply = try? RPCReply(answer), let results = try? reply.results else { return }
        var decoder = XDRDecoder(results)
        let hasResults = (try? decoder.uint32()) != nil && (try? decoder.opaque()) != nil && ((try? decoder.uint32()) ?? 0) > 0
        guard hasResults, try decoder.operationCodeAndStatus() == (OperationCode.sequence.rawValue, Status.ok.rawValue) else {
            self.session = nil
            return
        }
        await session.advance()
        accepted += 1
    }

    /// The part of the requests of `send(_:spoil:)` that were refused only for what was spoiled in them.
    var acceptedShare: Double { Double(accepted) / Double(max(1, sent)) }

    private func liveSession() async throws -> TestSession {
        if let session { return session }
        let new = try await TestSession.establish(over: socket)
        session = new
        return new
    }

    /// The server is the same process, has not grown by more than `growth` bytes, and serves an honest client.
    func honestClientIsServed(growth: Int = 192 << 20) async throws -> Bool {
        let (session, directory) = try await server.sessionInNewDirectory()
        let file = try await session.open(directory, "honest")
        try await session.run(.putFH(file.handle), .write(file.stateID, [1, 2, 3], .fileSync))
        let served = try await session.read(file.handle, file.stateID) == [1, 2, 3]
        try await session.close(file)
        let same = await server.processID == processID
        let running = await server.isRunning
        let grown = try await server.residentBytes() - residentBefore
        return served && same && running && grown < growth
    }
}

extension XDRDecoder {
    fileprivate mutating func operationCodeAndStatus() throws -> (UInt32, UInt32) { (try uint32(), try uint32()) }
}
