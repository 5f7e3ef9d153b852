import Foundation
import RecoveryBackend
import Testing

/// The REST interface as bytes on a socket.
@Suite struct RecoveryServiceTests {
    static let host = "share-manager-pvc-0b3e"
    static let client = "31:Linux NFSv4.1 rancher50-worker1"
    static let encodedClient = "31%3ALinux%20NFSv4.1%20rancher50-worker1"
    static let version = #"{"version": "AB12CD34"}"#

    private func ask(_ address: ServiceAddress, _ method: String, _ path: String, _ body: String? = nil) async throws -> Answer {
        let request = RawExchange.ganesha(method, RecoveryService.path + path, body: body)
        return try await Answer(RawExchange.send(request, to: address))
    }

    @Test func ganeshaKeepsItsClientsHere() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            let opened = try await ask(address, "POST", "", #"{"hostname": "\#(Self.host)", "version": "AB12CD34"}"#)
            #expect(opened.status == 200)
            #expect(opened.head.contains("content-type: application/json"))
            #expect(try await ask(address, "GET", "/\(Self.host)").clients == [])
            #expect(try await ask(address, "PUT", "/\(Self.host)/\(Self.encodedClient)", Self.version).status == 200)
            #expect(try await ask(address, "PUT", "/\(Self.host)/8%3A0x612f62", Self.version).status == 200)
            #expect(try await ask(address, "PUT", "/\(Self.host)", Self.version).status == 200)
            #expect(try await ask(address, "PUT", "/\(Self.host)/8%3A0x612f62/-_8%3D", Self.version).status == 200)
            #expect(try await ask(address, "GET", "/\(Self.host)").clients == [Self.client, "8:0x612f62"])
            #expect(try await ask(address, "DELETE", "/\(Self.host)/8%3A0x612f62").status == 200)
            let listed = try await ask(address, "GET", "/\(Self.host)")
            #expect(listed.status == 200)
            let expected: [String: Any] = [
                "id": Self.host, "type": "recoveryBackendStatus", "links": [String: String](), "actions": [String: String](),
                "hostname": Self.host, "clients": [Self.client],
            ]
            #expect(listed.json as NSDictionary == expected as NSDictionary)
        }
    }

    /// What libcurl sends for Ganesha, byte by byte, and what it gets. The NUL of each body is counted and sent.
    static let recorded: [(request: String, body: String)] = [
        (
            "POST /v1/recoverybackend HTTP/1.1\r\nHost: longhorn-recovery-backend:9503\r\nAccept: */*\r\nConnection: close\r\n"
                + "Content-Type: application/json; charset=utf-8\r\nContent-Length: 60\r\n\r\n"
                + #"{"hostname": "share-manager-pvc-1", "version": "AB12CD34" }"# + "\0", "{}"
        ),
        (
            "GET /v1/recoverybackend/share-manager-pvc-1 HTTP/1.1\r\nHost: longhorn-recovery-backend:9503\r\nAccept: */*\r\n"
                + "Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n\r\n",
            #"{"actions":{},"clients":[],"hostname":"share-manager-pvc-1","id":"share-manager-pvc-1","links":{},"type":"recoveryBackendStatus"}"#
        ),
        (
            "PUT /v1/recoverybackend/share-manager-pvc-1/31%3ALinux%20NFSv4.1%20rancher50-worker1 HTTP/1.1\r\n"
                + "Host: longhorn-recovery-backend:9503\r\nAccept: */*\r\nConnection: close\r\n"
                + "Content-Type: application/json; charset=utf-8\r\nContent-Length: 24\r\n\r\n"
                + #"{"version": "AB12CD34"}"# + "\0", "{}"
        ),
        (
            "PUT /v1/recoverybackend/share-manager-pvc-1 HTTP/1.1\r\nHost: longhorn-recovery-backend:9503\r\nAccept: */*\r\n"
                + "Connection: close\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 24\r\n\r\n"
                + #"{"version": "AB12CD34"}"# + "\0", "{}"
        ),
        (
            "PUT /v1/recoverybackend/share-manager-pvc-1/31%3ALinux%20NFSv4.1%20rancher50-worker1/-_8%3D HTTP/1.1\r\n"
                + "Host: longhorn-recovery-backend:9503\r\nAccept: */*\r\nConnection: close\r\n"
                + "Content-Type: application/json; charset=utf-8\r\nContent-Length: 24\r\n\r\n"
                + #"{"version": "AB12CD34"}"# + "\0", "{}"
        ),
        (
            "GET /v1/recoverybackend/share-manager-pvc-1 HTTP/1.1\r\nHost: longhorn-recovery-backend:9503\r\nAccept: */*\r\n"
                + "Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n\r\n",
            #"{"actions":{},"clients":["31:Linux NFSv4.1 rancher50-worker1"],"hostname":"share-manager-pvc-1","#
                + #""id":"share-manager-pvc-1","links":{},"type":"recoveryBackendStatus"}"#
        ),
        (
            "DELETE /v1/recoverybackend/share-manager-pvc-1/31%3ALinux%20NFSv4.1%20rancher50-worker1 HTTP/1.1\r\n"
                + "Host: longhorn-recovery-backend:9503\r\nAccept: */*\r\nConnection: close\r\n"
                + "Content-Type: application/json; charset=utf-8\r\n\r\n", "{}"
        ),
        (
            "GET /v1/recoverybackend/share-manager-pvc-1 HTTP/1.1\r\nHost: longhorn-recovery-backend:9503\r\nAccept: */*\r\n"
                + "Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n\r\n",
            #"{"actions":{},"clients":[],"hostname":"share-manager-pvc-1","id":"share-manager-pvc-1","links":{},"type":"recoveryBackendStatus"}"#
        ),
    ]

    @Test func ganeshasBytesAreAnsweredWithTheBytesItReads() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            for (request, body) in Self.recorded {
                // It returns when the service closes the connection.
                let answer = try await RawExchange.send(Array(request.utf8), to: address)
                let (head, rest) = try #require(answer.range(of: "\r\n\r\n").map { (answer[..<$0.lowerBound], answer[$0.upperBound...]) })
                var lines = head.components(separatedBy: "\r\n")
                lines.removeAll { $0.hasPrefix("Date: ") || $0.hasPrefix("Accept-Patch: ") }
                #expect(lines[0] == "HTTP/1.1 200 OK")
                #expect(
                    Set(lines.dropFirst()) == [
                        "Content-Type: application/json; charset=utf-8", "Content-Length: \(body.utf8.count)", "Connection: close",
                    ])
                #expect(rest == body)
            }
        }
    }

    @Test func theEndOfAConnectionIsSaidToWhomItConcerns() async throws {
        try await withTemporaryDirectory { directory in
            try Data("secret".utf8).write(to: URL(filePath: directory + "/token"))
            try await withService(over: MemoryRecoveryStore(), tokens: TokenFile(path: directory + "/token")) { address in
                let closing = "GET /v1/hosts HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
                #expect(try await Answer(RawExchange.send(Array(closing.utf8), to: address)).head.contains("connection: close"))
                // The first answer leaves the connection open for the second request.
                let staying = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"
                let both = try await RawExchange.send(Array((staying + closing).utf8), to: address).lowercased()
                #expect(both.components(separatedBy: "connection: close").count == 2)
                #expect(both.components(separatedBy: "http/1.1 ").map { $0.prefix(3) } == ["", "200", "401"])
            }
        }
    }

    @Test func aServerThatWasReplacedIsTold409InLonghornsForm() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            let old = #"{"version": "OLD00001"}"#
            _ = try await ask(address, "POST", "", #"{"hostname": "h", "version": "OLD00001"}"#)
            _ = try await ask(address, "PUT", "/h", old)
            _ = try await ask(address, "POST", "", #"{"hostname": "h", "version": "NEW00002"}"#)
            let message =
                "version OLD00001 of host h is superseded: a newer instance of the server has started, this one must stop"
            let expected: [String: Any] = [
                "actions": [String: String](), "code": "Superseded", "detail": "", "links": [String: String](), "message": message,
                "status": 409, "type": "error",
            ]
            for path in ["/h", "/h/1%3Aa", "/h/1%3Aa/AAAA"] {
                let answer = try await ask(address, "PUT", path, old)
                #expect(answer.status == 409)
                #expect(answer.json as NSDictionary == expected as NSDictionary)
            }
            #expect(try await ask(address, "POST", "", #"{"hostname": "h", "version": "OLD00001"}"#).status == 409)
            #expect(try await ask(address, "PUT", "/h/1%3Aa", #"{"version": "NEW00002"}"#).status == 200)
            #expect(try await ask(address, "GET", "/h").clients == [])
        }
    }

    @Test func failuresHaveLonghornsForm() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            let answer = try await ask(address, "GET", "/nobody")
            #expect(answer.status == 404)
            let expected: [String: Any] = [
                "actions": [String: String](), "code": "UnknownHost", "detail": "", "links": [String: String](),
                "message": "nothing is recorded for host nobody: open a version for it first", "status": 404, "type": "error",
            ]
            #expect(answer.json as NSDictionary == expected as NSDictionary)
        }
    }

    static let refused: [(method: String, path: String, body: String?, status: Int, code: String)] = [
        ("POST", "", #"{"version": "AB12CD34"}"#, 400, "Malformed"),
        ("POST", "", #"{"hostname": "a b", "version": "AB12CD34"}"#, 400, "Malformed"),
        ("POST", "", #"{"hostname": "h"}"#, 400, "Malformed"),
        ("POST", "", #"{"hostname": "h", "version": "ab12cd34"}"#, 400, "Malformed"),
        ("POST", "", #"{"hostname": "h", "version": 12345678}"#, 400, "Malformed"),
        ("POST", "", #"{"hostname": "#, 400, "Malformed"),
        ("POST", "", "", 400, "Malformed"),
        ("POST", "", nil, 400, "Malformed"),
        ("POST", "", "\0\0", 400, "Malformed"),
        ("POST", "", String(repeating: " ", count: 5000), 413, "Content Too Large"),
        ("PUT", "/known", #"{"version": "ZZZZZZZZ"}"#, 409, "Superseded"),
        ("PUT", "/unknown", version, 404, "UnknownHost"),
        ("PUT", "/known/1%3Aa", #"{"version": "ZZZZZZZZ"}"#, 409, "Superseded"),
        ("PUT", "/known/a%2Fb", version, 400, "Malformed"),
        ("PUT", "/known/a%00b", version, 400, "Malformed"),
        ("PUT", "/known/%ff", version, 400, "Malformed"),
        ("PUT", "/known/%zz", version, 400, "Malformed"),
        ("PUT", "/known/" + String(repeating: "a", count: ClientIdentity.maximumLength + 1), version, 400, "Malformed"),
        ("PUT", "/" + String(repeating: "h", count: 256), version, 400, "Malformed"),
        ("PUT", "/known/1%3Aa/AAAA", version, 404, "UnknownClient"),
        ("PUT", "/known/1%3Aa/A%2FAA", version, 400, "Malformed"),
        ("PUT", "/known/1%3Aa/AAAA/more", version, 404, "NotFound"),
        ("DELETE", "/unknown/1%3Aa", nil, 404, "UnknownHost"),
        ("DELETE", "/known", nil, 404, "NotFound"),
        ("GET", "", nil, 404, "NotFound"),
        ("PATCH", "/known", nil, 400, "Malformed"),
        (
            "PATCH", "/known", #"{"version": "AB12CD34", "clients": [\#(Array(repeating: #""1:a""#, count: 101).joined(separator: ","))]}"#,
            400, "Malformed"
        ),
        ("PATCH", "/known", String(repeating: " ", count: 500_000), 413, "Content Too Large"),
        ("PATCH", "", nil, 404, "NotFound"),
    ]

    @Test(arguments: refused)
    func aWrongRequestGetsAClearAnswer(_ wrong: (method: String, path: String, body: String?, status: Int, code: String)) async throws {
        let store = MemoryRecoveryStore()
        try await store.open("AB12CD34", for: "known")
        try await withService(over: store) { address in
            let answer = try await ask(address, wrong.method, wrong.path, wrong.body)
            #expect(answer.status == wrong.status)
            #expect(answer.json["code"] as? String == wrong.code)
            #expect(answer.json["type"] as? String == "error")
            #expect(answer.json["status"] as? Int == wrong.status)
            #expect((answer.json["message"] as? String)?.isEmpty == false)
        }
    }

    @Test func aBodyNeedsNoNULAndMayNameTheHost() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            for body in [#"{"hostname":"h","version":"AB12CD34"}"#, #" {"version":"AB12CD34","hostname":"h","more":[1]} "#] {
                let request =
                    "POST \(RecoveryService.path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                let answer = try await Answer(RawExchange.send(Array(request.utf8), to: address))
                #expect(answer.status == 200)
            }
        }
    }

    @Test func theLongestClientIdFits() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            _ = try await ask(address, "POST", "", #"{"hostname": "h", "version": "AB12CD34"}"#)
            let longest = [0xff, 0x20].map { ClientIdentity(owner: [UInt8](repeating: $0, count: 1024))! }
            for client in longest {
                let encoded = client.rawValue.utf8.map { "%" + String($0, radix: 16) }.joined()
                #expect(try await ask(address, "PUT", "/h/\(encoded)", Self.version).status == 200)
            }
            _ = try await ask(address, "PUT", "/h", Self.version)
            #expect(try await ask(address, "GET", "/h").clients == longest.map(\.rawValue).sorted())
        }
    }

    @Test func aStoreThatCannotWriteIsSaidToBeUnavailable() async throws {
        try await withTemporaryDirectory { directory in
            let store = try SQLiteRecoveryStore(path: directory + "/recovery.sqlite")
            await store.close()
            try await withService(over: store) { address in
                let answer = try await ask(address, "POST", "", #"{"hostname": "h", "version": "AB12CD34"}"#)
                #expect(answer.status == 503)
                #expect(answer.json["code"] as? String == "Unavailable")
                #expect((answer.json["message"] as? String)?.contains("recovery.sqlite cannot be used") == true)
            }
        }
    }

    @Test func bytesThatAreNotHTTPAreAnsweredAndTheNextRequestIsServed() async throws {
        try await withService(over: MemoryRecoveryStore()) { address in
            var generator = SeededGenerator(seed: 7)
            for _ in 0..<20 {
                let noise = (0..<200).map { _ in UInt8.random(in: 0...255, using: &generator) }
                let answer = try await RawExchange.send(noise + Array("\r\n\r\n".utf8), to: address)
                #expect(answer.hasPrefix("HTTP/1.1 400 "))
            }
            let endless = Array("GET /v1 HTTP/1.1\r\nHost: ".utf8) + [UInt8](repeating: 0x61, count: 40_000)
            #expect(try await RawExchange.send(endless, to: address).hasPrefix("HTTP/1.1 400 "))
            #expect(try await ask(address, "GET", "/h").status == 404)
        }
    }
}
