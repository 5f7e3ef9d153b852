import Foundation
import Hummingbird
import Logging
import NFSServer

/// Tells local administrators, over HTTP on a UNIX socket only its owner may use, what the server is doing:
/// `curl --unix-socket PATH http://localhost/v1/status`.
struct AdminService: Sendable {
    let server: NFSServer
    let socketPath: String
    let log: Logger

    /// Serves until the task is cancelled.
    func run() async throws {
        // A socket that a killed predecessor left is in the way; the configuration was checked to name no other file.
        unlink(socketPath)
        let router = Router()
        router.get("/v1/status") { [server] _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: try Self.encoder.encode(server.status()))))
        }
        let path = socketPath
        let application = Application(
            router: router, configuration: .init(address: .unixDomainSocket(path: path)), onServerRunning: { _ in chmod(path, 0o600) },
            logger: log)
        try await application.run()
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return encoder
    }
}
