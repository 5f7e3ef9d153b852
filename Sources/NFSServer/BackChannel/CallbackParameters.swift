import NFSState
import RPCSecurity

/// How the server makes calls to a client: what CREATE_SESSION and BACKCHANNEL_CTL agree on (RFC 8881 §18.33, §18.36.3).
struct CallbackParameters: Sendable {
    /// Contexts of a session at most: a client needs one, and another when that is about to end.
    private static let maximumContexts = 4

    /// cb_program: the RPC program number.
    private(set) var program: UInt32
    /// What the client lets the server use, in the order in which it is tried. Without any it must not call (§2.10.8.2).
    private var credentials: [CallbackCredential]
    /// Whether there ever was a context among them.
    private var hadContexts: Bool

    /// - Parameter offered: in the order in which the client names them. Of AUTH_NONE and AUTH_SYS only the first is of use, since it
    ///   always serves.
    init(program: UInt32, offering offered: [CallbackCredential]) {
        self.program = program
        credentials = Self.chosen(from: offered)
        hadContexts = credentials.contains { $0.context != nil }
    }

    private static func chosen(from offered: [CallbackCredential]) -> [CallbackCredential] {
        var chosen: [CallbackCredential] = []
        for credential in offered {
            let contexts = chosen.compactMap(\.context)
            let isOfUse =
                if let context = credential.context {
                    contexts.count < maximumContexts && !contexts.contains(context)
                } else {
                    chosen.count == contexts.count
                }
            if isOfUse { chosen.append(credential) }
        }
        return chosen
    }

    /// BACKCHANNEL_CTL: another program, and credentials beside those there are (§18.33.3). The new ones are tried first.
    mutating func change(to new: CallbackParameters, now: MonotonicTime) {
        forgetEnded(now: now)
        program = new.program
        credentials = Self.chosen(from: new.credentials + credentials)
        hadContexts = hadContexts || new.hadContexts
    }

    /// The first credential that serves.
    func credential(now: MonotonicTime) -> CallbackCredential? { credentials.first { $0.serves(now: now) } }

    /// Whether the client ever offered a credential.
    var offersAny: Bool { hadContexts || !credentials.isEmpty }

    var contexts: [GSSBackContext] { credentials.compactMap(\.context) }

    /// When the last context ends; the beginning of time when all are gone, and nil when there never was one.
    var contextsEnd: MonotonicTime? {
        guard hadContexts else { return nil }
        return MonotonicTime(nanoseconds: contexts.filter { !$0.context.isDropped }.map(\.context.expiry).max() ?? 0)
    }

    /// The client does not take calls in a context any more.
    mutating func forget(_ context: GSSBackContext) { credentials.removeAll { $0.context == context } }

    /// Forgets the contexts that have ended.
    /// - Returns: whether there was one.
    @discardableResult
    mutating func forgetEnded(now: MonotonicTime) -> Bool {
        let count = credentials.count
        credentials.removeAll { !$0.serves(now: now) }
        return credentials.count < count
    }
}

/// What a call to a client proves itself with: one of csa_sec_parms (RFC 8881 §18.33.1).
enum CallbackCredential: Sendable {
    /// AUTH_NONE or AUTH_SYS, as the client wrote it: opaque_auth (RFC 5531 §8.2).
    case plain(flavor: UInt32, body: [UInt8])
    case context(GSSBackContext)

    var context: GSSBackContext? {
        if case .context(let context) = self { context } else { nil }
    }

    /// Whether a call may be made with it: a context ends with its ticket, or when the client or the server has no use for it.
    func serves(now: MonotonicTime) -> Bool {
        context.map { !$0.context.isDropped && now.nanoseconds < $0.context.expiry } ?? true
    }

    /// Bytes a call is longer at most than one with AUTH_NONE, and a reply.
    var callOverhead: Int {
        switch self {
        case .plain(_, let body): (body.count + 3) & ~3
        case .context(let context): context.callOverhead
        }
    }

    var replyOverhead: Int { context?.replyOverhead ?? 0 }
}
