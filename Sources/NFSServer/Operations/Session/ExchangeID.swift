import NFSProtocol
import NFSState
import XDR

/// EXCHANGE_ID: introduce a client to the server (RFC 8881 §18.35).
struct ExchangeID: Operation, ~Escapable {
    static var code: OperationCode { .exchangeID }
    static var place: OperationPlace { .inSessionOrAlone }
    static var reservedReply: Int { 1024 }

    /// eia_flags and eir_flags.
    private enum Flag {
        static let supportsReferral: UInt32 = 0x0000_0001
        static let supportsMigration: UInt32 = 0x0000_0002
        static let bindsPrincipal: UInt32 = 0x0000_0100
        static let nonPNFS: UInt32 = 0x0001_0000
        static let pnfsMetadataServer: UInt32 = 0x0002_0000
        static let pnfsDataServer: UInt32 = 0x0004_0000
        static let updateConfirmed: UInt32 = 0x4000_0000
        static let confirmed: UInt32 = 0x8000_0000
        static let known =
            supportsReferral | supportsMigration | bindsPrincipal | nonPNFS | pnfsMetadataServer | pnfsDataServer | updateConfirmed
    }

    private let verifier: Verifier
    private let owner: RawSpan
    private let flags: UInt32
    private let protection: StateProtection

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        verifier = try Verifier(from: &request)
        owner = try request.opaque(maximum: 1024)  // NFS4_OPAQUE_LIMIT
        flags = try request.uint32()
        protection = try StateProtection(from: &request)
        for _ in 0..<(try request.count(maximum: 1)) {  // eia_client_impl_id
            _ = try request.opaque(maximum: request.remaining)
            _ = try request.opaque(maximum: request.remaining)
            _ = try Timestamp(from: &request)
        }
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard flags & ~Flag.known == 0, owner.byteCount > 0 else { throw .inval }
        let principal = compound.principal
        let machine = try protection.granted(to: principal)
        let server = compound.server
        guard server.recovery.isLoaded else {
            // Who may reclaim is not known yet.
            guard compound.hasWaited else { try compound.wait(for: .recordOfLastInstance) }
            throw .delay
        }
        let owner = owner.withUnsafeBytes { [UInt8]($0) }
        let now = compound.now
        let (result, dropped) = try server.clients.withLock { clients throws(NFSStatus) in
            try clients.exchangeID(
                owner: owner, verifier: verifier, principal: principal, protection: machine,
                updatesConfirmed: flags & Flag.updateConfirmed != 0, now: now)
        }
        if let dropped { server.drop(dropped) }
        reply.uint64(result.client.id.rawValue)
        reply.uint32(result.sequence)
        reply.uint32(Flag.nonPNFS | (result.isConfirmed ? Flag.confirmed : 0))
        StateProtection.encode(result.client.protection, to: &reply)
        reply.uint64(0)  // so_minor_id: one network identity
        reply.string(server.owner)
        reply.string(server.owner)  // eir_server_scope
        reply.uint32(0)  // eir_server_impl_id: clients must not act on it
    }
}

/// state_protect4_a: how a client wants its state guarded against others (RFC 8881 §18.35.1).
struct StateProtection {
    private static let none: UInt32 = 0
    private static let machineCredential: UInt32 = 1
    private static let secretStateVerifier: UInt32 = 2

    private let how: UInt32
    /// What is asked for by either of the two.
    private var machine: MachineProtection?
    /// Whether an SSV comes with something to choose from: algorithms of both kinds, and a window.
    private var offersChoice = true

    init(from request: inout XDRReader) throws(XDRError) {
        how = try request.uint32()
        guard how != Self.none else { return }
        guard how <= Self.secretStateVerifier else { throw .invalid }
        let enforced = try OperationSet(from: &request)
        machine = MachineProtection(enforcing: enforced, allowing: try OperationSet(from: &request))
        guard how == Self.secretStateVerifier else { return }
        for _ in 0..<2 {  // ssp_hash_algs, ssp_encr_algs
            let count = try request.count(maximum: request.remaining / 4)
            for _ in 0..<count { _ = try request.opaque(maximum: request.remaining) }
            if count == 0 { offersChoice = false }
        }
        if try request.uint32() == 0 { offersChoice = false }  // ssp_window
        _ = try request.uint32()  // ssp_num_gss_handles
    }

    /// What `principal` gets of it; nil for no protection.
    /// - Throws: `inval` for a machine credential that comes without integrity or privacy (§18.35.3), and for an SSV without
    ///   algorithms or window; `encrAlgUnsupp` for any other, since this server has no algorithm for it.
    func granted(to principal: Principal) throws(NFSStatus) -> MachineProtection? {
        switch how {
        case Self.machineCredential:
            guard principal.isProtected else { throw .inval }
            return machine
        case Self.secretStateVerifier: throw offersChoice ? .encrAlgUnsupp : .inval
        default: return nil
        }
    }

    /// Writes state_protect4_r.
    static func encode(_ protection: MachineProtection?, to reply: inout XDRWriter) {
        guard let protection else { return reply.uint32(none) }
        reply.uint32(machineCredential)
        protection.enforced.encode(to: &reply)
        protection.allowed.encode(to: &reply)
    }
}

/// bitmap4 with a bit for each operation.
extension OperationSet {
    /// Reads what is known of a set that a client names.
    init(from request: inout XDRReader) throws(XDRError) {
        var known: UInt64 = 0
        for index in 0..<(try request.count(maximum: request.remaining / 4)) {
            let word = UInt64(try request.uint32())
            if index < 2 { known |= word << UInt64(32 * index) }
        }
        self.init(rawValue: known)
    }

    func encode(to reply: inout XDRWriter) {
        reply.uint32(2)
        reply.uint32(UInt32(truncatingIfNeeded: rawValue))
        reply.uint32(UInt32(rawValue >> 32))
    }
}
