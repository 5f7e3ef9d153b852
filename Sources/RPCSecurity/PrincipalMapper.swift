internal import CGSSAPI
import NFSProtocol

/// Kerberos principals as users of this machine: by the rules of krb5.conf (`auth_to_local`, `auth_to_local_names`) to a name,
/// and by that to a user. Reads files and asks directory services, so calls may wait.
package struct PrincipalMapper: Sendable {
    package init() {}

    /// What a principal is here.
    package struct Mapping: Sendable, Equatable {
        /// Whether it is a machine of the default realm: `host/NAME`, `nfs/NAME`, `root/NAME` or, as Active Directory has it, `NAME$`.
        package let isMachine: Bool
        /// The user; nil when no rule maps the principal, or to nobody who exists.
        package let account: Account?

        package init(isMachine: Bool, account: Account?) {
            self.isMachine = isMachine
            self.account = account
        }
    }

    /// - Parameter principal: `user@REALM`, `host/name@REALM` and the like.
    /// - Throws: `delay` when it cannot be told now.
    package func mapping(of principal: String) throws(NFSStatus) -> Mapping {
        // One for each call: it reads krb5.conf, which may have changed, and is for one thread.
        var context: krb5_context?
        guard krb5_init_context(&context) == 0, let context else { throw .delay }
        defer { krb5_free_context(context) }
        var parsed: krb5_principal?
        guard krb5_parse_name(context, principal, &parsed) == 0, let parsed else { return Mapping(isMachine: false, account: nil) }
        defer { krb5_free_principal(context, parsed) }
        let name = Self.localName(of: parsed, context)
        return Mapping(
            isMachine: Self.isMachine(parsed, context), account: try name.flatMap { name throws(NFSStatus) in try Account.named(name) })
    }

    private static func localName(of principal: krb5_principal, _ context: krb5_context) -> String? {
        // Longer names than the system's are nobody's.
        var name = [CChar](repeating: 0, count: 1024)
        guard krb5_aname_to_localname(context, principal, Int32(name.count), &name) == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func isMachine(_ principal: krb5_principal, _ context: krb5_context) -> Bool {
        var realm: UnsafeMutablePointer<CChar>?
        guard krb5_get_default_realm(context, &realm) == 0, let realm else { return false }
        defer { krb5_free_default_realm(context, realm) }
        // Another realm's administrators name machines as they like.
        guard text(principal.pointee.realm) == String(cString: realm) else { return false }
        let components = (0..<Int(principal.pointee.length)).map { text(principal.pointee.data[$0]) }
        switch components.count {
        case 1: return components[0].count > 1 && components[0].hasSuffix("$")
        case 2: return ["host", "nfs", "root"].contains(components[0]) && !components[1].isEmpty
        default: return false
        }
    }

    private static func text(_ data: krb5_data) -> String {
        String(decoding: UnsafeRawBufferPointer(start: data.data, count: Int(data.length)), as: UTF8.self)
    }
}
