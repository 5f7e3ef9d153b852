import FileSystem
import RPC
import Synchronization

/// The name space as a client at one address has it: the rule of each export, found once for all its requests.
final class NameSpaceView: Sendable {
    let nameSpace: NameSpace
    /// By the exports' numbers; nil for an export that does not admit the client.
    private let rules: [ExportRule?]
    /// What every request asks of them: a copy of a rule would count references.
    private let digests: [RuleDigest]
    private let refusals = Mutex<Set<Refusal>>([])

    private struct Refusal: Hashable {
        let export: Int
        let flavor: SecurityFlavor
    }

    init(_ nameSpace: NameSpace, from peer: PeerAddress) {
        self.nameSpace = nameSpace
        let rules = nameSpace.exports.map { $0.rules.rule(peer) }
        self.rules = [Self.pseudoRule(over: rules.compactMap(\.self))] + rules
        digests = [RuleDigest(self.rules[0])] + zip(nameSpace.exports, rules).map { RuleDigest($0.isHeld ? nil : $1) }
    }

    /// The rule of the pseudo file system: it accepts what any export accepts that admits the client, since the way to each leads
    /// through it (RFC 8881 §2.6.3.1.1.3). Whom none admits gets as far as being told.
    private static func pseudoRule(over rules: [ExportRule]) -> ExportRule {
        var security: [SecurityFlavor] = []
        for flavor in rules.flatMap(\.security) where !security.contains(flavor) { security.append(flavor) }
        return ExportRule(isReadOnly: true, security: security.isEmpty ? [.sys] : security)
    }

    /// Whether an export of this name space lets the client in at all.
    func admits(to export: Export) -> Bool { digests[export.number].contains(.admitted) }

    /// Whether whoever asks may do anything there.
    func admits(_ identity: Identity, to export: Export) -> Bool {
        let digest = digests[export.number]
        if case .unknown = identity, digest.contains(.refusesUnknown) { return false }
        return digest.contains(.admitted)
    }

    func isReadOnly(_ export: Export) -> Bool { !digests[export.number].contains(.writable) }

    /// Whether requests of a flavor are taken there. No other helps where the client is not admitted.
    func accepts(_ flavor: SecurityFlavor, on export: Export) -> Bool {
        let digest = digests[export.number]
        return digest.contains(RuleDigest(flavor)) || !digest.contains(.admitted)
    }

    /// Notes that a request was refused for its flavor.
    /// - Returns: whether it is the first of that flavor there.
    func isFirstRefusal(of flavor: SecurityFlavor, on export: Export) -> Bool {
        refusals.withLock { $0.insert(Refusal(export: export.number, flavor: flavor)).inserted }
    }

    /// Who whoever asks is there.
    func credentials(for identity: Identity, on export: Export) -> Credentials {
        if case .user(let user) = identity, digests[export.number].contains(.takesUsersAsTheyAre) { return user }
        return (rules[export.number] ?? ExportRule(squash: .all)).credentials(for: identity)
    }

    /// The flavors that are accepted there, best first.
    func flavors(of export: Export) -> [SecurityFlavor] { rules[export.number]?.security ?? [] }
}

/// A rule in one word.
private struct RuleDigest: OptionSet {
    let rawValue: UInt16

    static let admitted = RuleDigest(rawValue: 1)
    static let writable = RuleDigest(rawValue: 2)
    static let takesUsersAsTheyAre = RuleDigest(rawValue: 4)
    static let refusesUnknown = RuleDigest(rawValue: 8)

    init(rawValue: UInt16) { self.rawValue = rawValue }

    init(_ flavor: SecurityFlavor) {
        switch flavor {
        case .none: rawValue = 1 << 4
        case .sys: rawValue = 1 << 5
        case .krb5: rawValue = 1 << 6
        case .krb5i: rawValue = 1 << 7
        case .krb5p: rawValue = 1 << 8
        }
    }

    /// - Parameter rule: nil for an export that does not admit the client.
    init(_ rule: ExportRule?) {
        self.init(rawValue: 0)
        guard let rule else { return }
        insert(.admitted)
        if !rule.isReadOnly { insert(.writable) }
        if rule.squash == .none { insert(.takesUsersAsTheyAre) }
        if rule.unknownPrincipals == .refuse { insert(.refusesUnknown) }
        for flavor in rule.security { insert(RuleDigest(flavor)) }
    }
}
