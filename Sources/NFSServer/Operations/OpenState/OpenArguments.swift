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
    func changes(in directory: CurrentFile, by client: Client, _ compound: Compound) throws(NFSStatus) -> AttributeChanges {
        guard mode == .exclusive else { return try update.changes(.creation, of: directory, in: compound) }
        var changes: AttributeChanges
        do throws(NFSStatus) {
            changes = try update.changes(.exclusiveCreation, of: directory, in: compound)
        } catch {
            // What the server does not know is no more in suppattr_exclcreat than what it keeps for itself (§18.16.3).
            throw error == .attrnotsupp ? .inval : error
        }
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
    enum Kind {
        case null
        /// With the delegation the client says it held.
        case previous(DelegationType)
        case delegateCurrent
        case delegatePrevious
        case filehandle
        case delegateCurrentFilehandle
        case delegatePreviousFilehandle

        /// Whether the file is named by an entry of the current directory, not by the current filehandle.
        var isByName: Bool {
            switch self {
            case .null, .delegateCurrent, .delegatePrevious: true
            case .previous, .filehandle, .delegateCurrentFilehandle, .delegatePreviousFilehandle: false
            }
        }

        var isReclaim: Bool { if case .previous = self { true } else { false } }
    }

    let kind: Kind
    /// The entry's name; empty where the claim has none.
    let name: RawSpan

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        switch try request.uint32() {
        case 0: kind = .null
        case 1:
            guard let delegation = DelegationType(rawValue: try request.uint32()) else { throw .invalid }
            kind = .previous(delegation)
        case 2:
            _ = try StateID(from: &request)
            kind = .delegateCurrent
        case 3: kind = .delegatePrevious
        case 4: kind = .filehandle
        case 5:
            _ = try StateID(from: &request)
            kind = .delegateCurrentFilehandle
        case 6: kind = .delegatePreviousFilehandle
        default: throw .invalid
        }
        name = kind.isByName ? try request.opaque(maximum: request.remaining) : try request.fixedOpaque(0)
    }
}

/// open_delegation_type4 (RFC 8881 §18.16.1).
enum DelegationType: UInt32 {
    case none = 0
    case read = 1
    case write = 2
    case noneExtended = 3
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

    /// open_delegation4 for no delegation, with the reason where the client spoke of one. The flags for signals alone have no
    /// effect.
    func encodeNoDelegation(to reply: inout XDRWriter) {
        guard rawValue & Self.kinds != Self.noPreference else { return reply.uint32(DelegationType.none.rawValue) }
        reply.uint32(DelegationType.noneExtended.rawValue)
        switch rawValue & Self.kinds {
        case Self.noDelegation: reply.uint32(0)  // WND4_NOT_WANTED
        case Self.cancel: reply.uint32(7)  // WND4_CANCELLED
        default: reply.uint32(3)  // WND4_NOT_SUPP_FTYPE
        }
    }
}
