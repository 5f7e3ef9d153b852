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
        clientID: ClientID, sequence: UInt32, hasBackChannel: Bool, fore: ChannelAttributes, back: ChannelAttributes, callbackProgram: UInt32
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
    /// The session is in `sessions` when this returns. Failures after the sequence check are kept for a retry as well.
    /// - Throws: `staleClientid`, `seqMisordered`, `clidInuse`, `toosmall`, `inval`, `nospc`.
    package mutating func createSession(
        _ request: CreateSessionRequest, principal: Principal, connection: ConnectionID, now: MonotonicTime
    ) throws(NFSStatus) -> CreateSessionOutcome {
        fatalError()
    }

    /// DESTROY_SESSION (§18.37): the session answers no more.
    /// - Throws: `badsession`.
    package mutating func destroySession(_ id: SessionID) throws(NFSStatus) -> Session {
        fatalError()
    }

    /// DESTROY_CLIENTID (§18.50).
    /// - Throws: `staleClientid`; `clientidBusy` while the client has a session or state.
    package mutating func destroyClientID(_ id: ClientID) throws(NFSStatus) -> DroppedClient {
        fatalError()
    }
}
