internal import CGSSAPI
import Glibc

/// The keys with which a server reads what clients' tickets say (RFC 2743 §1.1.1).
///
/// libkrb5 guards a credential by a lock of its own. It opens the keytab anew for each context, so that keys can be changed while
/// the server runs.
package final class AcceptorCredential: @unchecked Sendable {
    let pointer: gss_cred_id_t

    /// Blocks on the file.
    /// - Parameters:
    ///   - keytab: the path of the file of keys.
    ///   - principal: the service's name, such as `nfs/host.example.org@EXAMPLE.ORG`; nil for every `nfs/` there is in the keytab.
    package init(keytab: String, principal: String?) throws(KerberosError) {
        var name = try Self.name(of: principal)
        var minor: OM_uint32 = 0
        defer { gss_release_name(&minor, &name) }
        // No replay cache: whoever sends an old token again gets a context of which it does not have the key, so that no call in
        // it passes, and a cache on disk would cost a flush for each context.
        let (status, pointer) = Self.acquire(name, from: [("keytab", "FILE:\(keytab)"), ("rcache", "none:")])
        guard status.isComplete, let pointer else {
            throw KerberosError(
                description: "no key of \(principal ?? "any nfs/ principal") can be had from the keytab \(keytab): \(status.text)")
        }
        self.pointer = pointer
    }

    deinit {
        var pointer: gss_cred_id_t? = pointer
        var minor: OM_uint32 = 0
        gss_release_cred(&minor, &pointer)
    }

    private static func name(of principal: String?) throws(KerberosError) -> gss_name_t? {
        // A service without a host stands for that service on each of them.
        let type = principal == nil ? cgssapi_host_based_service() : cgssapi_principal_name()
        var bytes = Array((principal ?? "nfs").utf8)
        var name: gss_name_t?
        var minor: OM_uint32 = 0
        let major = bytes.withUnsafeMutableBytes { bytes in
            var buffer = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
            return gss_import_name(&minor, &buffer, type, &name)
        }
        guard major == 0 else {
            throw KerberosError(
                description: "\(principal ?? "") is no name of a service: \(GSSStatus(major: major, minor: minor).text)")
        }
        return name
    }

    private static func acquire(_ name: gss_name_t?, from store: [(key: String, value: String)]) -> (GSSStatus, gss_cred_id_t?) {
        let words = store.flatMap { [strdup($0.key), strdup($0.value)] }
        defer { for word in words { free(word) } }
        var elements = stride(from: 0, to: words.count, by: 2).map {
            gss_key_value_element_desc(key: UnsafePointer(words[$0]), value: UnsafePointer(words[$0 + 1]))
        }
        var minor: OM_uint32 = 0
        var pointer: gss_cred_id_t?
        let major = elements.withUnsafeMutableBufferPointer { elements in
            var store = gss_key_value_set_desc(count: OM_uint32(elements.count), elements: elements.baseAddress)
            var mechanisms = gss_OID_set_desc(count: 1, elements: cgssapi_kerberos())
            return gss_acquire_cred_from(&minor, name, OM_uint32.max, &mechanisms, GSS_C_ACCEPT, &store, &pointer, nil, nil)
        }
        return (GSSStatus(major: major, minor: minor), pointer)
    }
}
