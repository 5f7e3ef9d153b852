import ChildProcesses
import Foundation
import RecoveryBackend
import Testing

/// An authority for one test, and what it signed for a service on a loopback address and for a client.
struct Certificates {
    let authority: String
    let server: TLSFiles
    let client: TLSFiles

    init(of address: String, in directory: String) async throws {
        authority = directory + "/ca.pem"
        let key = directory + "/ca-key.pem"
        try await Self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=authority", "-days", "2",
            "-keyout", key, "-out", authority)
        let signed = { [authority] (name: String) in
            let files = TLSFiles(authority: authority, certificate: "\(directory)/\(name).pem", key: "\(directory)/\(name)-key.pem")
            try await Self.openssl(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/O=\(name)", "-days", "2",
                "-CA", authority, "-CAkey", key, "-addext", "basicConstraints=critical,CA:FALSE",
                "-addext", "subjectAltName=IP:\(address)",
                "-keyout", files.key!, "-out", files.certificate!)
            return files
        }
        server = try await signed("server")
        client = try await signed("client")
    }

    private static func openssl(_ arguments: String...) async throws {
        _ = try await FinishedProgram.output(of: "/usr/bin/openssl", arguments)
    }
}
