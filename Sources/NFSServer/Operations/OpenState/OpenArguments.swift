import FileSystem
import NFSProtocol
import NFSState
import XDR

/// openflag4: whether and how OPEN makes the file (RFC 8881 §18.16.1).
struct OpenHow: ~Escapable {
    let creation: OpenCreation?

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        switch try request.uint32() {
        case 0: creation = nil
        case 1: creation = try OpenCreation(from: &request)
        default: throw .invalid
        }
    }
}

/// createhow4 (RFC 8881 §18.16.1).
struct OpenCreation: ~Escapable {
    enum Mode {
        case unchecked
        case guarded
        /// EXCLUSIVE4 and EXCLUSIVE4_1.
        case exclusive
    }

    let mode: Mode
    private let verifier: Verifier
    private let update: AttributeUpdate

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        let how = try request.uint32()
        switch how {
        case 0: mode = .unchecked
        case 1: mode = .guarded
        case 2, 3: mode = .exclusive
        default: throw .invalid
        }
        verifier = mode == .exclusive ? try Verifier(from: &request) : Verifier(rawValue: 0)
        update = how == 2 ? AttributeUpdate.none(&request) : try AttributeUpdate(from: &request)
    }

    /// The attributes the new file gets when `client` makes it.
    func changes(by client: Client) throws(NFSStatus) -> AttributeChanges {
        guard mode == .exclusive else { return try update.changes { 0 } }
        var changes = try update.changes(permitted: AttributeSource.settableInExclusiveCreate) { 0 }
        let times = verifierTimes(of: client)
        changes.accessTime = .at(times.access)
        changes.modifyTime = .at(times.modify)
        return changes
    }

    /// What the reply says was set. The times that hold the verifier are among it, so that the client sets them anew.
    var attributesSet: AttributeSet {
        mode == .exclusive ? update.attributes.union(AttributeSet(.timeAccess, .timeModify)) : update.attributes
    }

    /// Whether the file was made by a try of this OPEN of `client`.
    func made(_ attributes: FileAttributes, by client: Client) -> Bool {
        (attributes.accessTime, attributes.modifyTime) == verifierTimes(of: client)
    }

    /// The verifier as two times, which outlive a restart. Each half keeps 31 bits in the seconds, the most that every file
    /// system stores, and one in the nanoseconds.
    ///
    /// The client's name is mixed in: Linux makes a verifier of its uptime and a process number, so machines that were started
    /// together send equal ones, and each would believe that it made the file.
    private func verifierTimes(of client: Client) -> (access: Timestamp, modify: Timestamp) {
        func time(_ half: UInt32) -> Timestamp { Timestamp(seconds: Int64(half & 0x7fff_ffff), nanoseconds: half >> 31) }
        // FNV-1a: the same in each instance of the server, and different verifiers of one client stay different.
        let mixed = client.owner.reduce(verifier.rawValue ^ 0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
        return (time(UInt32(truncatingIfNeeded: mixed >> 32)), time(UInt32(truncatingIfNeeded: mixed)))
    }
}

/// open_claim4: what OPEN opens, and by what right (RFC 8881 §18.16.1).
struct OpenClaim: ~Escapable {
    enum Kind: UInt32 {
        case null = 0
        case previous = 1
        case delegateCurrent = 2
        case delegatePrevious = 3
        case filehandle = 4
        case delegateCurrentFilehandle = 5
        case delegatePreviousFilehandle = 6

        /// Whether the file is named by an entry of the current directory, not by the current filehandle.
        var isByName: Bool {
            switch self {
            case .null, .delegateCurrent, .delegatePrevious: true
            case .previous, .filehandle, .delegateCurrentFilehandle, .delegatePreviousFilehandle: false
            }
        }
    }

    let kind: Kind
    /// The entry's name; empty where the claim has none.
    let name: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        guard let kind = Kind(rawValue: try request.uint32()) else { throw .invalid }
        self.kind = kind
        switch kind {
        case .previous: _ = try request.uint32()  // delegate_type
        case .delegateCurrent, .delegateCurrentFilehandle: _ = try StateID(from: &request)
        case .null, .delegatePrevious, .filehandle, .delegatePreviousFilehandle: break
        }
        name = kind.isByName ? try request.opaque(maximum: request.remaining) : try request.fixedOpaque(0)
    }
}

/// The part of share_access that speaks of delegations (RFC 8881 §18.16.3).
struct OpenWants {
    /// OPEN4_SHARE_ACCESS_WANT_DELEG_MASK and the two flags for signals.
    static let mask: UInt32 = 0x0003_ff00
    private static let kinds: UInt32 = 0xff00
    private static let noPreference: UInt32 = 0x0000
    private static let noDelegation: UInt32 = 0x0400
    private static let cancel: UInt32 = 0x0500

    let rawValue: UInt32

    var isValid: Bool { rawValue & Self.kinds <= Self.cancel }

    /// open_delegation4 for no delegation, with the reason where the client spoke of one.
    func encodeNoDelegation(to reply: inout XDRWriter) {
        guard rawValue & Self.kinds != Self.noPreference else { return reply.uint32(0) }  // OPEN_DELEGATE_NONE
        reply.uint32(3)  // OPEN_DELEGATE_NONE_EXT
        switch rawValue & Self.kinds {
        case Self.noDelegation: reply.uint32(0)  // WND4_NOT_WANTED
        case Self.cancel: reply.uint32(7)  // WND4_CANCELLED
        default:
            reply.uint32(2)  // WND4_RESOURCE
            reply.bool(false)  // ond_server_will_signal_avail
        }
    }
}
