import NFSProtocol

/// SP4_MACH_CRED: what a client lets nobody do in its name but the principal that made its record, and what this principal may do
/// whatever the flavor of the files (RFC 8881 §2.10.8.3, §18.35.3).
package struct MachineProtection: Hashable, Sendable {
    /// spo_must_enforce and spo_must_allow, as granted.
    package let enforced: OperationSet
    package let allowed: OperationSet

    /// What touches client records and sessions. Each of these that a client asks for must be granted.
    private static let enforceable: OperationSet = [
        .exchangeID, .createSession, .delegpurge, .destroySession, .bindConnToSession, .destroyClientid,
    ]
    /// What only gives back, or asks how to come in.
    private static let allowable: OperationSet = [
        .close, .openDowngrade, .locku, .delegreturn, .freeStateid, .testStateid, .secinfo, .secinfoNoName,
    ]

    /// Grants as much as possible of what a client asks for.
    package init(enforcing enforced: OperationSet, allowing allowed: OperationSet) {
        self.enforced = enforced.intersection(Self.enforceable)
        self.allowed = allowed.intersection(Self.allowable)
    }
}

/// Some of the operations of NFSv4.1.
package struct OperationSet: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// A bit for each number.
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package init(arrayLiteral operations: OperationCode...) {
        rawValue = operations.reduce(0) { $0 | 1 << UInt64($1.rawValue) }
    }

    package func contains(_ operation: OperationCode) -> Bool { rawValue >> UInt64(operation.rawValue) & 1 == 1 }

    package func intersection(_ other: OperationSet) -> OperationSet { OperationSet(rawValue: rawValue & other.rawValue) }
}

extension Client {
    /// Whether whoever proves to be `principal` is the one that made the record, with what the record asks for (§2.4).
    func isOwned(by principal: Principal) -> Bool {
        self.principal == principal && (protection == nil || principal.isProtected)
    }

    /// - Throws: `wrongCred` for an operation that the client lets only its own principal do.
    package func check(_ operation: OperationCode, by principal: Principal) throws(NFSStatus) {
        guard let protection, protection.enforced.contains(operation) else { return }
        guard isOwned(by: principal) else { throw .wrongCred }
    }

    /// Whether `principal` may do an operation that others may only with a flavor that the export accepts.
    package func allows(_ operation: OperationCode, by principal: Principal) -> Bool {
        guard let protection, protection.allowed.contains(operation) else { return false }
        return isOwned(by: principal)
    }
}
