import NFSProtocol
import NFSState
import RPC
import XDR

/// SEQUENCE: begin a request on a slot of a session, so that it is executed once (RFC 8881 §2.10.6, §18.46).
struct Sequence: Operation {
    static var code: OperationCode { .sequence }
    static var place: OperationPlace { .first }

    /// Bytes of the operation in a request, and of SEQUENCE4resok.
    fileprivate static let size = 36
    fileprivate static let resultBody = 36

    private let sessionID: SessionID
    private let sequence: UInt32
    private let slot: UInt32
    private let highestSlot: UInt32
    private let cacheThis: Bool

    init(from request: inout XDRReader) throws(XDRError) {
        sessionID = try SessionID(from: &request)
        sequence = try request.uint32()
        slot = try request.uint32()
        highestSlot = try request.uint32()
        cacheThis = try request.bool()
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let session = try session(of: compound)
        guard compound.callLength <= Int(session.fore.maximumRequest) else { throw .reqTooBig }
        guard compound.operationCount <= Int(session.fore.maximumOperations) else { throw .tooManyOps }
        try compound.requireRoom(in: session, cached: cacheThis, reply: reply)
        let range: SlotRange
        switch try session.begin(
            slot: slot, sequence: sequence, highest: highestSlot, cacheThis: cacheThis, fingerprint: compound.fingerprint)
        {
        case .replay(let kept):
            session.client.renew(now: compound.received)
            compound.replay = kept
            return
        case .notKept(let granted):
            range = granted
            compound.isUncachedRetry = true
        case .new(let use):
            range = use.range
            compound.slot = use
        }
        session.client.renew(now: compound.received)
        compound.session = session
        compound.limitReply(for: session, cached: cacheThis)

        sessionID.encode(to: &reply)
        reply.uint32(sequence)
        reply.uint32(slot)
        reply.uint32(range.highest)
        reply.uint32(range.target)
        let status = session.client.stateFlags
        if !status.isEmpty { session.client.tell(on: sessionID, slot: slot, sequence: sequence) }
        let backChannel = session.backChannelStatus(now: compound.received, leaseSeconds: compound.server.limits.leaseSeconds)
        reply.uint32(status.union(backChannel).rawValue)
    }

    /// The session, to which the connection is bound from now on if it was not before (§2.10.3.1).
    private func session(of compound: Compound) throws(NFSStatus) -> Session {
        if let session = compound.context.session, session.id == sessionID, !session.isDestroyed { return session }
        let session = try compound.server.sessions.find(sessionID)
        try session.associate(compound.context.id)
        compound.context.remember(session)
        compound.context.session = session
        return session
    }
}

extension Compound {
    /// Tells this request from another one with the same slot and sequence id: a hash of its sender, and of the number, the length
    /// and the beginning of the operations behind SEQUENCE (§2.10.6.1.3.1). SEQUENCE itself may differ: a retry can come when more
    /// or fewer slots are in use.
    fileprivate var fingerprint: UInt64 {
        let record = record
        let operations = record.bytes.extracting(droppingFirst: min(nextOperation + Sequence.size, record.range.count))
        var hash = (UInt64(operations.byteCount) << 32 | UInt64(requesterHash)) &* 0x9e37_79b9_7f4a_7c15
        hash ^= UInt64(operationCount)
        for offset in stride(from: 0, to: min(operations.byteCount, 512) & ~3, by: 4) {
            let word = operations.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)
            hash = (hash ^ UInt64(word)) &* 0x100_0000_01b3
            hash ^= hash >> 29
        }
        return hash
    }

    /// Checks that the result of SEQUENCE, and a status behind it, fit into the reply, before the slot is taken.
    /// - Throws: `repTooBig`, `repTooBigToCache`.
    fileprivate func requireRoom(in session: Session, cached: Bool, reply: borrowing XDRWriter) throws(NFSStatus) {
        let (whole, mostKept) = room(in: session)
        let kept = cached ? min(mostKept, whole) : whole
        let needed = reply.count + Sequence.resultBody + (operationCount > 1 ? Self.smallestResult : 0)
        guard needed <= RecordMark.length + kept else { throw kept < whole ? .repTooBigToCache : .repTooBig }
    }

    /// Keeps the reply within what the session's fore channel carries, or keeps for a retry (§2.10.6.4).
    fileprivate func limitReply(for session: Session, cached: Bool) {
        let (whole, kept) = room(in: session)
        repliesMustBeCached = cached && kept < whole
        replyLimit = min(replyLimit, RecordMark.length + (repliesMustBeCached ? kept : whole))
    }

    /// Bytes a reply may have that is sent, and one that is kept: what protects it counts (§18.36.3).
    private func room(in session: Session) -> (whole: Int, kept: Int) {
        let tail = exchange?.tail ?? 0
        return (Int(session.fore.maximumResponse) - tail, Int(session.fore.maximumCachedResponse) - tail)
    }
}
