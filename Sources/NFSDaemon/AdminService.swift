import Foundation
import Hummingbird
import Logging
import NFSProtocol
import NFSServer

/// Tells local administrators, over HTTP on a UNIX socket only its owner may use, what the server is doing, and does what they say:
///
/// - `curl --unix-socket PATH http://localhost/v1/status`
/// - `curl --unix-socket PATH -X POST http://localhost/v1/clients/ID/revoke` takes all opens and locks from a client of the status.
/// - `curl --unix-socket PATH -X POST http://localhost/v1/evict?client=NAME` does it by name, and stops waiting for the client.
/// - `curl --unix-socket PATH -X POST http://localhost/v1/grace/end` stops waiting for all clients that are missing.
struct AdminService: Sendable {
    let server: NFSServer
    let socketPath: String
    let log: Logger

    /// Serves until the task is cancelled.
    func run() async throws {
        let place = try PrivatePlace(beside: socketPath)
        defer { place.remove() }
        let router = Router()
        router.get("/v1/status") { [server] _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(bytes: try Self.encoder.encode(server.status()))))
        }
        router.post("/v1/clients/:id/revoke") { [server] _, context in
            guard let id = context.parameters.get("id").flatMap({ UInt64($0, radix: 16) }), await server.revoke(ClientID(rawValue: id))
            else { return Response(status: .notFound) }
            return Response(status: .noContent)
        }
        router.post("/v1/evict") { [server] request, _ in
            guard let name = request.uri.queryParameters.get("client"), await server.evict(name) else { return Response(status: .notFound) }
            return Response(status: .noContent)
        }
        router.post("/v1/grace/end") { [server] _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(
                    byteBuffer: ByteBuffer(
                        bytes: try Self.encoder.encode(server.declareDead(reason: "an administrator ended grace") { _ in true }))))
        }
        let path = socketPath
        try await router.serve(on: .unixDomainSocket(path: place.socketPath), log: log) { _ in
            do {
                try place.publish(as: path)
            } catch {
                log.error("administration is not available", metadata: ["socket": "\(path)", "error": "\(error)"])
            }
        }
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        return encoder
    }
}

/// A directory nobody else can enter, in which a socket is made and gets its permissions before it appears where it belongs.
private struct PrivatePlace: Sendable {
    private let directory: String
    /// Names the directory in a path that is never too long for a socket.
    private let descriptor: Int32

    init(beside path: String) throws {
        var template = Array("\(path).XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw DaemonError("cannot make a directory beside it: \(String(cString: strerror(errno)))") }
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }

    var socketPath: String { "/proc/self/fd/\(descriptor)/socket" }

    /// Moves the socket to `path`, also over one that a killed predecessor left; the configuration was checked to name no other file.
    func publish(as path: String) throws {
        guard chmod(socketPath, 0o600) == 0, rename(socketPath, path) == 0 else {
            throw DaemonError("cannot move it there: \(String(cString: strerror(errno)))")
        }
        rmdir(directory)
    }

    func remove() {
        unlink(socketPath)
        rmdir(directory)
        close(descriptor)
    }
}
