/// A client with one session: numbers its requests on each slot and puts SEQUENCE before each compound.
package actor TestSession {
    package nonisolated let connection: Connection
    package nonisolated let owner: ClientOwner
    package nonisolated let clientID: UInt64
    package nonisolated let created: CreateSessionResult
    /// The csa_sequence the next CREATE_SESSION of this client must carry.
    package nonisolated let nextCreateSequence: UInt32
    private var lastSequenceBySlot: [UInt32: UInt32] = [:]

    package nonisolated var id: SessionID { created.id }

    private init(connection: Connection, owner: ClientOwner, clientID: UInt64, created: CreateSessionResult) {
        self.connection = connection
        self.owner = owner
        self.clientID = clientID
        self.created = created
        nextCreateSequence = created.sequence &+ 1
    }

    /// EXCHANGE_ID, CREATE_SESSION and, unless the test wants to reclaim first, RECLAIM_COMPLETE.
    package static func establish(
        over exchange: any RPCExchange, owner: ClientOwner = .unique(), credential: Credential = .root,
        fore: ChannelAttributes = ChannelAttributes(), reclaimComplete: Bool = true
    ) async throws -> TestSession {
        let connection = Connection(exchange, credential: credential)
        let client = try await connection.compound(.exchangeID(owner)).succeeded().exchangeID
        let session = try await establish(over: connection, owner: owner, client: client, fore: fore)
        if reclaimComplete { try await session.run(.reclaimComplete()) }
        return session
    }

    /// CREATE_SESSION for a client ID that EXCHANGE_ID returned.
    /// - Parameter security: what the server may call with; nil for no back channel.
    package static func establish(
        over connection: Connection, owner: ClientOwner, client: ExchangeIDResult, fore: ChannelAttributes = ChannelAttributes(),
        back: ChannelAttributes = ChannelAttributes(), callbackSecurity security: [Operation.CallbackSecurity]? = nil
    ) async throws -> TestSession {
        let request = Operation.createSession(
            clientID: client.clientID, sequence: client.sequence, flags: security == nil ? 0 : Operation.createSessionBackChannel,
            fore: fore,
            back: back, security: security ?? [.none])
        let created = try await connection.compound(request).succeeded().session
        return TestSession(connection: connection, owner: owner, clientID: client.clientID, created: created)
    }

    /// The SEQUENCE the next compound on `slot` must start with.
    package func nextSequence(slot: UInt32 = 0, cacheThis: Bool = false) -> Operation {
        .sequence(id, sequence: lastSequenceBySlot[slot, default: 0] &+ 1, slot: slot, cacheThis: cacheThis)
    }

    /// The SEQUENCE of the compound sent last on `slot`.
    package func lastSequence(slot: UInt32 = 0, cacheThis: Bool = false) -> Operation {
        .sequence(id, sequence: lastSequenceBySlot[slot, default: 0], slot: slot, cacheThis: cacheThis)
    }

    /// Notes that a request numbered by `nextSequence` was accepted, for tests that send it themselves.
    package func advance(slot: UInt32 = 0) { lastSequenceBySlot[slot, default: 0] &+= 1 }

    /// SEQUENCE and the operations, whatever comes of them.
    /// - Parameter other: another connection than the session's own.
    @discardableResult
    package func compound(
        _ operations: Operation..., slot: UInt32 = 0, cacheThis: Bool = false, credential: Credential? = nil, over other: Connection? = nil
    ) async throws -> CompoundReply {
        try await compound(operations, slot: slot, cacheThis: cacheThis, credential: credential, over: other)
    }

    package func compound(
        _ operations: [Operation], slot: UInt32 = 0, cacheThis: Bool = false, credential: Credential? = nil, over other: Connection? = nil
    ) async throws -> CompoundReply {
        let sequence = nextSequence(slot: slot, cacheThis: cacheThis)
        let reply = try await (other ?? connection).compound([sequence] + operations, credential: credential)
        if reply.results.first?.outcome == Outcome(.sequence, .ok) { advance(slot: slot) }
        return reply
    }

    /// SEQUENCE and the operations, all of which must succeed.
    @discardableResult
    package func run(_ operations: Operation..., credential: Credential? = nil) async throws -> CompoundReply {
        try await compound(operations, credential: credential).succeeded()
    }
}
