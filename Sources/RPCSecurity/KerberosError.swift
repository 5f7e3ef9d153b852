internal import CGSSAPI

/// Why GSSAPI did not do what it was asked for; `description` is a line for the operator.
package struct KerberosError: Error, Equatable, CustomStringConvertible {
    package let description: String
}

/// What a function of GSSAPI returns: the major status and that of the mechanism (RFC 2744 §3.9).
struct GSSStatus {
    var major: UInt32
    var minor: UInt32

    /// GSS_S_COMPLETE, and nothing to be said beside it.
    var isComplete: Bool { major == 0 }
    /// GSS_S_CONTINUE_NEEDED.
    var needsMore: Bool { major == 1 }

    /// GSS_S_NO_CONTEXT: the context a client goes on with is not there.
    static let noContext = GSSStatus(major: 8 << 16, minor: 0)
    /// GSS_S_FAILURE: the context is not what RPCSEC_GSS can use.
    static let failure = GSSStatus(major: 13 << 16, minor: 0)

    /// What Kerberos says, or GSSAPI where Kerberos was not asked.
    var text: String {
        minor == 0 ? Self.text(major, GSS_C_GSS_CODE) : Self.text(minor, GSS_C_MECH_CODE)
    }

    private static func text(_ code: UInt32, _ kind: Int32) -> String {
        var lines: [String] = []
        var minor: OM_uint32 = 0
        var more: OM_uint32 = 0
        repeat {
            var line = gss_buffer_desc()
            guard gss_display_status(&minor, code, kind, cgssapi_kerberos(), &more, &line) == 0 else { break }
            lines.append(String(decoding: UnsafeRawBufferPointer(start: line.value, count: line.length), as: UTF8.self))
            gss_release_buffer(&minor, &line)
        } while more != 0
        return lines.joined(separator: ", ")
    }
}
