import NFSProtocol

/// csa_flags and csr_flags (RFC 8881 §18.36.1).
package struct CreateSessionFlags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let persist = CreateSessionFlags(rawValue: 1)
    package static let backChannel = CreateSessionFlags(rawValue: 2)
    package static let rdma = CreateSessionFlags(rawValue: 4)
    static let known: CreateSessionFlags = [.persist, .backChannel, .rdma]
}

/// The arguments of CREATE_SESSION (RFC 8881 §18.36.1).
package struct CreateSessionRequest: Sendable {
    package var clientID: ClientID
    package var sequence: UInt32
    package var flags: CreateSessionFlags
    package var fore: ChannelAttributes
    package var back: ChannelAttributes
    /// Why csa_sec_parms cannot be used, if so.
    package var refusal: NFSStatus?

    package init(
        clientID: ClientID, sequence: UInt32, flags: CreateSessionFlags, fore: ChannelAttributes, back: ChannelAttributes
    ) {
        self.clientID = clientID
        self.sequence = sequence
        self.flags = flags
        self.fore = fore
        self.back = back
    }
}

/// The result of CREATE_SESSION, kept for a retry (§18.36.4).
package struct CreateSessionResult: Hashable, Sendable {
    package let session: SessionID
    package let sequence: UInt32
    package let flags: CreateSessionFlags
    package let fore: ChannelAttributes
    package let back: ChannelAttributes

    /// What the connection that brought the request is bound to.
    package var channels: Session.Channels { flags.contains(.backChannel) ? [.fore, .back] : .fore }
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
    /// - Throws: `staleClientid`, `wrongCred`, `seqMisordered`, `clidInuse`, `inval`, `noent`, `toosmall`, `nospc`.
    package mutating func createSession(
        _ request: CreateSessionRequest, principal: Principal, connection: ConnectionID, now: MonotonicTime
    ) throws(NFSStatus) -> CreateSessionOutcome {
        guard let record = records[request.clientID] else { throw .staleClientid }
        // Whoever does not even own a record that nothing has confirmed is told so below.
        if record.isConfirmed || record.client.principal == principal { try record.client.check(.createSession, by: principal) }
        if request.sequence == record.sequence { return .replay(try record.outcome.get()) }
        guard request.sequence == record.sequence &+ 1 else { throw .seqMisordered }
        // Not kept and not counted: it is not the client that is refused here, and nobody else may move its sequence.
        // Unless it asked for protection, a confirmed client may add sessions as any principal (§2.10.8.3).
        guard record.isConfirmed || record.client.principal == principal else { throw .clidInuse }

        let outcome = Result { () throws(NFSStatus) in try makeSession(request, for: record) }
        records[request.clientID]?.sequence = request.sequence
        records[request.clientID]?.outcome = outcome.map(\.result)
        let (session, result) = try outcome.get()

        let dropped = record.isConfirmed ? nil : confirm(record.client)
        records[request.clientID]?.sessions.append(session.id)
        insertSession(session)
        session.adopt(connection, result.channels)
        record.client.renew(now: now)
        return .created(result, session, dropped)
    }

    private mutating func makeSession(
        _ request: CreateSessionRequest, for record: Record
    ) throws(NFSStatus) -> (session: Session, result: CreateSessionResult) {
        guard request.flags.isSubset(of: .known) else { throw .inval }
        if let refusal = request.refusal { throw refusal }
        let slots = max(1, min(request.fore.maximumRequests, UInt32(clamping: limits.slots)))
        let fore = try request.fore.granted(limits, slots: min(slots, self.slots.share(among: sessions.count + 1)))
        // Replies are kept in memory and connections are TCP: no other flag is granted.
        let flags = request.flags.intersection(.backChannel)
        let back = flags.contains(.backChannel) ? try request.back.grantedForCallbacks() : request.back.withoutPadding
        guard record.sessions.count < limits.sessionsPerClient, sessions.count < limits.sessions else { throw .nospc }
        let id = nextSessionID(for: record.client)
        let session = Session(id: id, client: record.client, fore: fore, back: back, slots: slots, budget: self.slots)
        let result = CreateSessionResult(session: id, sequence: request.sequence, flags: flags, fore: fore, back: back)
        return (session, result)
    }

    /// DESTROY_SESSION (§18.37): the session answers no more. Requests that already run on it come to their end.
    /// - Throws: `badsession`.
    package mutating func destroySession(_ id: SessionID) throws(NFSStatus) -> Session {
        guard let session = removeSession(id) else { throw .badsession }
        records[session.client.id]?.sessions.removeAll { $0 == id }
        return session
    }

    /// DESTROY_CLIENTID (§18.50).
    /// - Throws: `staleClientid`; `wrongCred`; `clientidBusy` while the client has a session or state.
    package mutating func destroyClientID(_ id: ClientID, principal: Principal) throws(NFSStatus) -> DroppedClient {
        guard let record = records[id] else { throw .staleClientid }
        try record.client.check(.destroyClientid, by: principal)
        guard record.sessions.isEmpty, !record.client.hasState, let dropped = remove(record.client) else { throw .clientidBusy }
        return dropped
    }
}
