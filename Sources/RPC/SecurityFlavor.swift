/// How a caller proves who it is: what an export lists under `security`, and what SECINFO tells (RFC 8881 §2.2.1, §18.29).
package enum SecurityFlavor: String, CaseIterable, Sendable {
    /// AUTH_NONE: it does not say who it is (RFC 5531 §8.1).
    case none
    /// AUTH_SYS: it is believed (RFC 5531 §14).
    case sys
    /// RPCSEC_GSS with Kerberos V5: who it is is proved, once for each request (RFC 2203 §5.3.3.4.1).
    case krb5
    /// And the request is as it sent it.
    case krb5i
    /// And nobody else has read it.
    case krb5p
}
