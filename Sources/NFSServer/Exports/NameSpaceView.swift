import RPC

/// The name space as a client at one address has it: the rule of each export, found once for all its requests.
final class NameSpaceView: Sendable {
    let nameSpace: NameSpace
    /// By the exports' numbers; nil for an export that does not admit the client.
    private let rules: [ExportRule?]

    init(_ nameSpace: NameSpace, from peer: PeerAddress) {
        self.nameSpace = nameSpace
        let rules = nameSpace.exports.map { $0.rules.rule(peer) }
        self.rules = [Self.pseudoRule(over: rules.compactMap(\.self))] + rules
    }

    /// The rule of the pseudo file system: it accepts what any export accepts that admits the client, since the way to each leads
    /// through it (RFC 8881 §2.6.3.1.1.3). Whom none admits gets as far as being told.
    private static func pseudoRule(over rules: [ExportRule]) -> ExportRule {
        var security: [SecurityFlavor] = []
        for flavor in rules.flatMap(\.security) where !security.contains(flavor) { security.append(flavor) }
        return ExportRule(isReadOnly: true, security: security.isEmpty ? [.sys] : security)
    }

    /// The rule of an export of this name space for the client; nil when it does not admit the client.
    subscript(export: Export) -> ExportRule? {
        // Lent: every request looks at rules several times, and a copy would count references.
        _read { yield rules[export.number] }
    }
}
