internal import CGSSAPI

/// Kerberos V5 as the system's GSSAPI library provides it (RFC 4121).
package enum Kerberos {
    /// 1.2.840.113554.1.2.2, the mechanism's object identifier in DER.
    private static let mechanism: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02]

    /// Whether the library on this machine has the mechanism.
    package static var isAvailable: Bool {
        var minor: OM_uint32 = 0
        var mechanisms: gss_OID_set?
        guard gss_indicate_mechs(&minor, &mechanisms) == 0, let set = mechanisms else { return false }
        defer { gss_release_oid_set(&minor, &mechanisms) }
        return (0..<set.pointee.count).contains { index in
            let identifier = set.pointee.elements[index]
            return UnsafeRawBufferPointer(start: identifier.elements, count: Int(identifier.length)).elementsEqual(mechanism)
        }
    }
}
