import NFSProtocol

/// The share reservation of one open-owner on one file, and the open file behind it (RFC 8881 §9.7).
struct OpenState: Sendable {
    private(set) var stateID: StateID
    let client: Client
    let owner: [UInt8]
    private(set) var access: ShareAccess
    private(set) var deny: ShareAccess
    /// What the OPENs that made the reservation asked for.
    private var asked: ShareSet
    /// What serves READ, and what serves WRITE; the same for an open file that serves both.
    private(set) var reading: OpenResource?
    private(set) var writing: OpenResource?

    init(other: StateID.Other, client: Client, owner: [UInt8], share: Share, resource: OpenResource) {
        stateID = StateID(seqid: 1, other: other)
        self.client = client
        self.owner = owner
        access = share.access
        deny = share.deny
        asked = ShareSet()
        asked.insert(share)
        reading = share.access.contains(.read) ? resource : nil
        writing = share.access.contains(.write) ? resource : nil
    }

    func isOf(_ client: Client, _ owner: [UInt8]) -> Bool { self.client === client && self.owner == owner }

    func excludes(_ share: Share) -> Bool {
        !share.access.isDisjoint(with: deny) || !share.deny.isDisjoint(with: access)
    }

    /// Another OPEN of the same owner.
    /// - Returns: the resource when it is not needed, every access having one already.
    mutating func widen(_ share: Share, resource: OpenResource) -> OpenResource? {
        access.formUnion(share.access)
        deny.formUnion(share.deny)
        asked.insert(share)
        var isUsed = false
        if share.access.contains(.read), reading == nil {
            reading = resource
            isUsed = true
        }
        if share.access.contains(.write), writing == nil {
            writing = resource
            isUsed = true
        }
        stateID.advance()
        return isUsed ? nil : resource
    }

    /// OPEN_DOWNGRADE: what is left must be the union of some of what was asked for (§18.18.3).
    /// - Returns: the resources that no access needs any more.
    mutating func narrow(to share: Share) throws(NFSStatus) -> [OpenResource] {
        let within = asked.within(share)
        guard !share.access.isEmpty, within.union == share else { throw .inval }
        let before = resources
        access = share.access
        deny = share.deny
        asked = within
        if !access.contains(.read) { reading = nil }
        if !access.contains(.write) { writing = nil }
        stateID.advance()
        let after = resources
        return before.filter { old in !after.contains { $0 === old } }
    }

    /// Every resource, once.
    var resources: [OpenResource] {
        if let reading, let writing { return reading === writing ? [reading] : [reading, writing] }
        return [reading, writing].compactMap { $0 }
    }

    func checkInvariants() throws(InvariantViolation) {
        try require(!access.isEmpty, "an open without access")
        try require(asked.union == Share(access: access, deny: deny), "the reservation is not what was asked for")
        try require((reading != nil) == access.contains(.read), "reading and its resource differ")
        try require((writing != nil) == access.contains(.write), "writing and its resource differ")
        try require(stateID.seqid != 0, "a seqid of zero was handed out")
    }
}

extension StateID {
    /// Counts a change of the state. Zero is left out: it stands for the latest (§8.2.2).
    package mutating func advance() { seqid = seqid == .max ? 1 : seqid + 1 }

    /// Seqids this near to the end of the numbers and this near to their beginning are counted through from one to the other:
    /// more than a client has slots (§8.2.2).
    private static let wrap: UInt32 = 1 << 16

    /// Compares a stateid from a client with this, the current one (§8.2.2, §8.2.4).
    /// - Throws: `oldStateid`, `badStateid` for one that was never handed out.
    package func accept(_ given: StateID) throws(NFSStatus) {
        guard given.seqid != 0, given.seqid != seqid else { return }
        var isOld = given.seqid < seqid
        if max(seqid, given.seqid) > .max - Self.wrap, min(seqid, given.seqid) < Self.wrap { isOld.toggle() }
        throw isOld ? .oldStateid : .badStateid
    }
}
