internal import CGSSAPI

/// GSSAPI on the side of a client with a ticket in a file, which needs neither a KDC nor a configuration.
final class Initiator: @unchecked Sendable {
    private(set) var pointer: gss_ctx_id_t?
    private var credential: gss_cred_id_t?
    private var target: gss_name_t?
    private let flags: UInt32

    init(ticket cache: String, service: String, flags: UInt32) throws {
        self.flags = flags
        var minor: OM_uint32 = 0
        var bytes = Array(service.utf8)
        let named = bytes.withUnsafeMutableBytes { bytes in
            var name = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
            return gss_import_name(&minor, &name, cgssapi_principal_name(), &target)
        }
        guard named == 0 else { throw LabError("\(service) is no name") }
        let acquired = "ccache".withCString { key in
            cache.withCString { value in
                var element = gss_key_value_element_desc(key: key, value: value)
                return withUnsafeMutablePointer(to: &element) { element in
                    var store = gss_key_value_set_desc(count: 1, elements: element)
                    return gss_acquire_cred_from(&minor, nil, OM_uint32.max, nil, GSS_C_INITIATE, &store, &credential, nil, nil)
                }
            }
        }
        guard acquired == 0 else { throw LabError("there is no ticket in \(cache)") }
    }

    deinit {
        var minor: OM_uint32 = 0
        gss_delete_sec_context(&minor, &pointer, nil)
        gss_release_cred(&minor, &credential)
        gss_release_name(&minor, &target)
    }

    /// GSS_Init_sec_context: the next token for the server, and whether none is expected back.
    func step(_ input: [UInt8]) throws -> (token: [UInt8], isDone: Bool) {
        var (minor, output, input) = (OM_uint32(0), gss_buffer_desc(), input)
        let major = input.withUnsafeMutableBytes { bytes in
            var token = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
            return gss_init_sec_context(
                &minor, credential, &pointer, target, cgssapi_kerberos(), OM_uint32(GSS_C_MUTUAL_FLAG) | flags, 0, nil, &token, nil,
                &output, nil, nil)
        }
        guard major == 0 || major == 1 else { throw LabError("GSS_Init_sec_context failed: \(String(major, radix: 16)), \(minor)") }
        defer { gss_release_buffer(&minor, &output) }
        return (Array(UnsafeRawBufferPointer(start: output.value, count: output.length)), major == 0)
    }

    /// GSS_VerifyMIC.
    func verifies(_ checksum: [UInt8], of bytes: [UInt8]) -> Bool {
        var (minor, checksum, bytes) = (OM_uint32(0), checksum, bytes)
        return checksum.withUnsafeMutableBytes { checksum in
            bytes.withUnsafeMutableBytes { bytes in
                var message = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
                var token = gss_buffer_desc(length: checksum.count, value: checksum.baseAddress)
                return gss_verify_mic(&minor, pointer, &message, &token, nil) == 0
            }
        }
    }
}
