import Foundation
import Hummingbird

/// How requests of the contract are read: small bodies, JSON with or without a NUL byte at its end.
struct RecoveryRequestContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
    }

    /// In bytes. The longest body of the contract holds a host name and a version.
    private(set) var maxUploadSize = 4096
    var requestDecoder: TerminatedJSONDecoder { TerminatedJSONDecoder() }
    var responseEncoder: JSONEncoder { Self.encoder }

    /// The same with another limit for the body.
    func allowing(_ maximumLength: Int) -> Self {
        var context = self
        context.maxUploadSize = maximumLength
        return context
    }

    private static let encoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return encoder
    }()
}

/// NFS-Ganesha counts the terminating NUL of its C string in Content-Length and sends it.
struct TerminatedJSONDecoder: RequestDecoder {
    func decode<T: Decodable>(_ type: T.Type, from request: Request, context: some RequestContext) async throws -> T {
        let body = try await request.body.collect(upTo: context.maxUploadSize).readableBytesView
        return try JSONDecoder().decode(type, from: Data(body.last == 0 ? body.dropLast() : body))
    }
}
