import Foundation
import Synchronization

/// A backend that answers byte by byte as Longhorn's does, with what is wrong with it, and keeps what Longhorn keeps in the
/// ConfigMap of each host.
final class LonghornBackend: Sendable {
    struct Request: Sendable {
        var line = ""
        var headers: [String: String] = [:]
        var body = ""
    }

    private struct ConfigMap {
        /// The clients of each version.
        var data: [String: [String]] = [:]
        /// The annotation that names the version in force.
        var version: String?
    }

    private struct State {
        var maps: [String: ConfigMap] = [:]
        var requests: [Request] = []
        var failsActivation = false
    }

    private let state = Mutex(State())
    private let listener: Int32
    let url: String

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/v1/recoverybackend"
        // Ends when the listener is closed.
        Thread.detachNewThread { [weak self, listener] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                if let request = Self.read(connection), let answer = self?.answer(to: request) {
                    _ = write(connection, answer, answer.utf8.count)
                }
                close(connection)
            }
        }
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    var requests: [Request] { state.withLock { $0.requests } }

    /// The clients of the version in force; nil when there is none.
    func clients(of host: String) -> Set<String>? {
        state.withLock { state in
            state.maps[host].flatMap { map in map.version.flatMap { map.data[$0] } }.map(Set.init)
        }
    }

    /// Takes the host's ConfigMap away.
    func lose(_ host: String) { state.withLock { $0.maps[host] = nil } }

    /// Does the next activation and answers that it failed.
    func failNextActivation() { state.withLock { $0.failsActivation = true } }

    private static func read(_ connection: Int32) -> Request? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let text = String(decoding: bytes, as: UTF8.self)
            if let end = text.range(of: "\r\n\r\n") {
                var lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
                var request = Request(line: lines.removeFirst())
                for line in lines {
                    let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
                    request.headers[parts[0].lowercased()] = parts.count > 1 ? parts[1] : ""
                }
                request.body = String(text[end.upperBound...])
                if request.body.utf8.count >= Int(request.headers["content-length"] ?? "0") ?? 0 { return request }
            }
            let count = Foundation.read(connection, &buffer, buffer.count)
            guard count > 0 else { return nil }
            bytes += buffer[..<count]
        }
    }

    private func answer(to request: Request) -> String {
        let words = request.line.split(separator: " ").map(String.init)
        let path = words[1].split(separator: "/").map { $0.removingPercentEncoding ?? "" }
        let body = (try? JSONSerialization.jsonObject(with: Data(request.body.utf8))) as? [String: Any] ?? [:]
        let version = body["version"] as? String ?? ""
        return state.withLock { state in
            state.requests.append(request)
            guard path.prefix(2) == ["v1", "recoverybackend"] else {
                return Self.answer("404 Not Found", "404 page not found\n", "text/plain")
            }
            switch (words[0], path.count) {
            case ("POST", 2):
                guard let host = body["hostname"] as? String else { return Self.failure("no hostname") }
                state.maps[host, default: ConfigMap()].data[version] = []
                return Self.answer()
            case ("GET", 3), ("PUT", 3), ("PUT", 4), ("PUT", 5), ("DELETE", 4):
                let host = path[2]
                guard var map = state.maps[host] else {
                    return Self.failure(#"failed to get the configmap: configmap \"recovery-backend-\#(host)\" not found"#)
                }
                defer { state.maps[host] = map }
                return Self.answer(words[0], path, version, &map, failing: &state.failsActivation)
            default:
                return Self.answer("404 Not Found", "404 page not found\n", "text/plain")
            }
        }
    }

    /// To what is about a host that there is.
    private static func answer(
        _ method: String, _ path: [String], _ version: String, _ map: inout ConfigMap, failing: inout Bool
    ) -> String {
        let host = path[2]
        switch (method, path.count) {
        case ("GET", _):
            guard let active = map.version else { return list(host, []) }
            guard let clients = map.data[active] else { return failure("unexpected end of JSON input") }
            return list(host, clients)
        case ("PUT", 3):
            guard map.data[version] != nil else { return failure("no version \(version)") }
            // Also when the version in force is the same: then its clients are lost.
            if let active = map.version { map.data[active] = nil }
            map.version = version
            guard failing else { return answer() }
            failing = false
            return failure("the object has been modified; please apply your changes to the latest version and try again")
        case ("DELETE", _):
            if let active = map.version { map.data[active]?.removeAll { $0 == path[3] } }
            return answer()
        default:
            // A version that is not there is nobody's mistake here.
            if map.data[version]?.contains(path[3]) == false { map.data[version]?.append(path[3]) }
            return answer()
        }
    }

    private static func list(_ host: String, _ clients: [String]) -> String {
        let listed = clients.map { "\"\($0)\"" }.joined(separator: ",")
        return answer(
            "200 OK",
            #"{"id":"\#(host)","type":"recoveryBackendStatus","links":{"self":"http://longhorn-recovery-backend:9503/v1/recoverybackendstatuses/\#(host)"},"actions":{},"hostname":"\#(host)","clients":[\#(listed)]}"#
                + "\n")
    }

    private static func failure(_ message: String) -> String {
        answer(
            "500 Internal Server Error",
            #"{"actions":{},"code":"Server Error","detail":"","links":{"self":"http://longhorn-recovery-backend:9503/v1/x"},"message":"\#(message)","status":500,"type":"error"}"#
                + "\n")
    }

    private static func answer(_ status: String = "200 OK", _ body: String = "", _ type: String = "application/json") -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(body)"
    }
}
