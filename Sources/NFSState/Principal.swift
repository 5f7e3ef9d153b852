/// Who an RPC call claims to come from, as far as it matters for the ownership of a client record (RFC 8881 §2.4, §18.35.4).
package struct Principal: Hashable, Sendable {
    /// The RPC authentication flavor.
    package let flavor: UInt32
    /// The name within the flavor: the user id for AUTH_SYS, the principal name for RPCSEC_GSS, nothing for AUTH_NONE.
    package let name: [UInt8]
    /// Whether nobody else can have changed what it asks for: RPCSEC_GSS with integrity or privacy. It is the same principal without.
    package let isProtected: Bool

    package init(flavor: UInt32, name: [UInt8], isProtected: Bool = false) {
        self.flavor = flavor
        self.name = name
        self.isProtected = isProtected
    }

    package static func == (one: Principal, other: Principal) -> Bool { one.flavor == other.flavor && one.name == other.name }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(flavor)
        hasher.combine(name)
    }
}
