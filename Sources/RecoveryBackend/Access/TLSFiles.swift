import NIOSSL
import Synchronization

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

    /// Of the files there are.
    package var paths: [String] { [authority, certificate, key].compactMap(\.self) }

    /// What they come to for a client. Throws ``RecoveryError/malformed(_:)``.
    package func clientConfiguration() throws(RecoveryError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if let authority { configuration.trustRoots = .certificates(try Self.certificates(in: authority)) }
        switch (certificate, key) {
        case (let certificate?, let key?):
            configuration.certificateChain = try Self.certificates(in: certificate).map { .certificate($0) }
            configuration.privateKey = .privateKey(try Self.privateKey(in: key))
        case (let certificate?, nil): throw .malformed("the certificate \(certificate) is given without its key: give both")
        case (nil, let key?): throw .malformed("the key \(key) is given without its certificate: give both")
        case (nil, nil): break
        }
        // Without files there is nothing to be wrong with them, and a system without authorities reaches what has no TLS.
        if !paths.isEmpty { _ = try context(of: configuration) }
        return configuration
    }

    /// What they come to for a service. Throws ``RecoveryError/malformed(_:)``.
    func serverContext() throws(RecoveryError) -> NIOSSLContext {
        guard let certificate, let key else { throw .malformed("a service over TLS needs a certificate and its key: give both") }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try Self.certificates(in: certificate).map { .certificate($0) },
            privateKey: .privateKey(try Self.privateKey(in: key)))
        configuration.minimumTLSVersion = .tlsv12
        if let authority {
            configuration.trustRoots = .certificates(try Self.certificates(in: authority))
            // Clients have no host name of their own: whoever the authority has named is one.
            configuration.certificateVerification = .noHostnameVerification
        }
        return try context(of: configuration)
    }

    private func context(of configuration: TLSConfiguration) throws(RecoveryError) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .malformed("\(paths.joined(separator: " and ")) do not go together: give the key of the certificate")
        }
    }

    private static func certificates(in path: String) throws(RecoveryError) -> [NIOSSLCertificate] {
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(contents(of: path))
            if !certificates.isEmpty { return certificates }
        } catch let error as RecoveryError {
            throw error
        } catch {}
        throw .malformed("\(path) holds no certificate in PEM form: give another file")
    }

    private static func privateKey(in path: String) throws(RecoveryError) -> NIOSSLPrivateKey {
        let bytes = try contents(of: path)
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw .malformed("\(path) holds no private key in PEM form: give another file")
        }
    }
}

/// What TLS files come to, made anew when they change. While they do not go together, as between the replacement of one and
/// of the next, it stays what it was.
final class CurrentTLS<Value: Sendable>: Sendable {
    private let files: TLSFiles
    private let make: @Sendable (TLSFiles) throws(RecoveryError) -> Value
    private let state: Mutex<(stamps: [FileStamp?], value: Value)>

    init(_ files: TLSFiles, _ make: @escaping @Sendable (TLSFiles) throws(RecoveryError) -> Value) throws(RecoveryError) {
        self.files = files
        self.make = make
        let stamps = files.paths.map(FileStamp.init)
        state = Mutex((stamps, try make(files)))
    }

    var value: Value {
        state.withLock { state in
            let stamps = files.paths.map(FileStamp.init)
            if stamps != state.stamps, let value = try? make(files) { state = (stamps, value) }
            return state.value
        }
    }
}
