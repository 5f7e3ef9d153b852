import AsyncHTTPClient
import Foundation
import NFSServer
import NIOCore
import NIOHTTP1

/// Speaks to the server that runs on this machine, through its socket for administration.
package struct AdminClient: Sendable {
    private let socketPath: String

    package init(socketPath: String) {
        self.socketPath = socketPath
    }

    /// What the server is doing, as JSON.
    package func status() async throws -> Data { try await call(.GET, "/v1/status").body }

    /// - Returns: whether there is such a client.
    package func evict(_ name: String) async throws -> Bool {
        let query = name.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        return try await call(.POST, "/v1/evict?client=\(query)", absent: true).isThere
    }

    /// - Returns: the clients that are not waited for any more, as a JSON list.
    package func endGrace() async throws -> Data { try await call(.POST, "/v1/grace/end").body }

    /// - Parameter absent: whether what is asked for need not be there.
    private func call(_ method: HTTPMethod, _ path: String, absent: Bool = false) async throws -> (isThere: Bool, body: Data) {
        let host = socketPath.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        var request = HTTPClientRequest(url: "http+unix://\(host)\(path)")
        request.method = method
        let status: HTTPResponseStatus
        let body: Data
        do {
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
            status = response.status
            body = Data(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        } catch {
            throw DaemonError("no server answers at \(socketPath): \(error): is it running with this admin-socket, and are you its user?")
        }
        if status == .notFound, absent { return (false, body) }
        guard (200..<300).contains(status.code) else { throw DaemonError("the server at \(socketPath) answered \(status)") }
        return (true, body)
    }
}

extension ServerStatus {
    /// - Parameter json: what `AdminClient.status` returned.
    package init(json: Data) throws {
        self = try JSONDecoder().decode(ServerStatus.self, from: json)
    }

    /// The status as lines for people.
    package var text: String {
        var lines = ["grace: \(grace)\(graceSecondsLeft > 0 ? ", at most \(Int(graceSecondsLeft.rounded(.up))) s" : "")"]
        lines += awaited.map { "missing: \($0)" }
        for client in clients {
            lines.append(
                "client: \(client.name), \(client.address), id \(client.id), opens \(client.opens), locks \(client.locks), "
                    + "silent for \(Int(client.silentSeconds)) s")
        }
        return lines.joined(separator: "\n")
    }
}
