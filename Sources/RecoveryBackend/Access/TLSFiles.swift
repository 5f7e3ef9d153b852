import NIOSSL

/// The PEM files one end of HTTPS uses; each may be missing.
package struct TLSFiles: Sendable, Hashable {
    /// Certificates of the authorities that are trusted to name the other end. Without it a client trusts those of the
    /// system, and a service asks its clients for no certificate.
    package var authority: String?
    /// The own certificate, and what leads from it to an authority.
    package var certificate: String?
    package var key: String?

    package init(authority: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authority = authority
        self.certificate = certificate
        self.key = key
    }

    /// What they come to for a client. Throws ``RecoveryError/malformed(_:)``.
    func clientConfiguration() throws(RecoveryError) -> TLSConfiguration {
        guard (certificate == nil) == (key == nil) else { throw .malformed("a certificate and its key are given together") }
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let authority { configuration.trustRoots = .certificates(try Self.certificates(in: authority)) }
        if let certificate, let key {
            configuration.certificateChain = try Self.certificates(in: certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try Self.privateKey(in: key))
        }
        return configuration
    }

    /// What they come to for a service; nil when there is none of them. Throws ``RecoveryError/malformed(_:)``.
    package func serverConfiguration() throws(RecoveryError) -> TLSConfiguration? {
        guard self != TLSFiles() else { return nil }
        guard let certificate, let key else { throw .malformed("a service over TLS needs a certificate and its key") }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try Self.certificates(in: certificate).map { .certificate($0) },
            privateKey: .privateKey(try Self.privateKey(in: key)))
        configuration.minimumTLSVersion = .tlsv12
        if let authority {
            configuration.trustRoots = .certificates(try Self.certificates(in: authority))
            // Clients have no host name of their own: whoever the authority has named is one.
            configuration.certificateVerification = .noHostnameVerification
        }
        return configuration
    }

    private static func certificates(in path: String) throws(RecoveryError) -> [NIOSSLCertificate] {
        do {
            return try NIOSSLCertificate.fromPEMFile(path)
        } catch {
            throw .malformed("\(path) has no certificate in PEM form that can be read: \(error)")
        }
    }

    private static func privateKey(in path: String) throws(RecoveryError) -> NIOSSLPrivateKey {
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw .malformed("\(path) has no private key in PEM form that can be read: \(error)")
        }
    }
}
