import NFSProtocol

/// The arguments of CREATE_SESSION that decide its outcome (RFC 8881 §18.36.1).
package struct CreateSessionRequest: Sendable {
    package var clientID: ClientID
    package var sequence: UInt32
    /// CREATE_SESSION4_FLAG_CONN_BACK_CHAN was asked for and can be granted.
    package var hasBackChannel: Bool
    package var fore: ChannelAttributes
    package var back: ChannelAttributes
    /// cb_program: the RPC program number for calls to the client.
    package var callbackProgram: UInt32

    package init(
        clientID: ClientID, sequence: UInt32, hasBackChannel: Bool, fore: ChannelAttributes, back: ChannelAttributes,
        callbackProgram: UInt32
    ) {
        self.clientID = clientID
        self.sequence = sequence
        self.hasBackChannel = hasBackChannel
        self.fore = fore
        self.back = back
        self.callbackProgram = callbackProgram
    }
}

/// The result of CREATE_SESSION, kept for a retry (§18.36.4).
package struct CreateSessionResult: Hashable, Sendable {
    package let session: SessionID
    package let sequence: UInt32
    package let hasBackChannel: Bool
    package let fore: ChannelAttributes
    package let back: ChannelAttributes
}

/// What came of a CREATE_SESSION.
package enum CreateSessionOutcome: Sendable {
    /// A new session. The record it confirmed may have displaced that of an earlier start of the client.
    case created(CreateSessionResult, Session, DroppedClient?)
    /// A retry: the result of the first time.
    case replay(CreateSessionResult)
}

extension ClientTable {
    /// CREATE_SESSION: makes a session, and with the first one confirms the client (§18.36.4).
    ///
    /// The session is in `sessions` when this returns. Once the sequence id is accepted a failure is kept for a retry as well
    /// and the next request needs the next sequence id: that is how Linux counts.
    /// - Throws: `staleClientid`, `seqMisordered`, `clidInuse`, `toosmall`, `nospc`.
    package mutating func createSession(
        _ request: CreateSessionRequest, principal: Principal, connection: ConnectionID, now: MonotonicTime
    ) throws(NFSStatus) -> CreateSessionOutcome {
        guard let record = records[request.clientID] else { throw .staleClientid }
        if request.sequence == record.sequence { return .replay(try record.outcome.get()) }
        guard request.sequence == record.sequence &+ 1 else { throw .seqMisordered }
        // Not kept and not counted: it is not the client that is refused here, and nobody else may move its sequence.
        // A confirmed client may add sessions as any principal, since it asked for no state protection (§2.10.8.3).
        guard record.isConfirmed || record.client.principal == principal else { throw .clidInuse }

        let outcome = Result { () throws(NFSStatus) in try makeSession(request, for: record) }
        records[request.clientID]?.sequence = request.sequence
        records[request.clientID]?.outcome = outcome.map(\.result)
        let (session, result) = try outcome.get()

        let dropped = record.isConfirmed ? nil : confirm(record.client)
        records[request.clientID]?.sessions.append(session.id)
        sessions.insert(session)
        session.bind(connection, result.hasBackChannel ? [.fore, .back] : .fore)
        record.client.renew(now: now)
        return .created(result, session, dropped)
    }

    private mutating func makeSession(
        _ request: CreateSessionRequest, for record: Record
    ) throws(NFSStatus) -> (session: Session, result: CreateSessionResult) {
        let fore = try request.fore.granted(limits)
        let back = request.hasBackChannel ? try request.back.grantedForCallbacks() : request.back
        guard record.sessions.count < limits.sessionsPerClient, sessions.count < limits.sessions else { throw .nospc }
        let id = nextSessionID(for: record.client)
        let session = Session(id: id, client: record.client, fore: fore, back: back, callbackProgram: request.callbackProgram)
        let result = CreateSessionResult(
            session: id, sequence: request.sequence, hasBackChannel: request.hasBackChannel, fore: fore, back: back)
        return (session, result)
    }

    /// DESTROY_SESSION (§18.37): the session answers no more. Requests that already run on it come to their end.
    /// - Throws: `badsession`.
    package mutating func destroySession(_ id: SessionID) throws(NFSStatus) -> Session {
        guard let session = sessions.remove(id) else { throw .badsession }
        records[session.client.id]?.sessions.removeAll { $0 == id }
        return session
    }

    /// DESTROY_CLIENTID (§18.50).
    /// - Throws: `staleClientid`; `clientidBusy` while the client has a session or state.
    package mutating func destroyClientID(_ id: ClientID) throws(NFSStatus) -> DroppedClient {
        guard let record = records[id] else { throw .staleClientid }
        guard record.sessions.isEmpty, !record.client.hasState, let dropped = remove(record.client) else { throw .clientidBusy }
        return dropped
    }
}
