import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import NIOPosix
import RecoveryBackend
import Synchronization
import Testing

/// The client against a backend that answers as Longhorn's does, and against one that does not answer.
@Suite struct RecoveryClientTests {
    static let host: ServerHostname = "share-manager-pvc-0b3e"
    static let version: RecoveryVersion = "AB12CD34"

    @Test func requestsAreThoseOfTheContract() async throws {
        let (requests, _) = try await withBackend(answering: .ok, "") { client in
            try await client.open(Self.version, for: Self.host)
            try await client.add("31:Linux NFSv4.1 rancher50-worker1", to: Self.version, of: Self.host)
            try await client.activate(Self.version, for: Self.host)
            try await client.add("-_8=", of: "9:100%?#&+;=", to: Self.version, of: Self.host)
            try await client.remove("8:0x612f62", of: Self.host)
        }
        let path = "/v1/recoverybackend"
        #expect(
            requests.map(\.line) == [
                "POST \(path)",
                "PUT \(path)/share-manager-pvc-0b3e/31%3ALinux%20NFSv4.1%20rancher50-worker1",
                "PUT \(path)/share-manager-pvc-0b3e",
                "PUT \(path)/share-manager-pvc-0b3e/9%3A100%25%3F%23%26%2B%3B%3D/-_8%3D",
                "DELETE \(path)/share-manager-pvc-0b3e/8%3A0x612f62",
            ])
        #expect(requests.map(\.connection) == Array(repeating: "close", count: 5))
        let body = #"{"version":"AB12CD34"}"#
        #expect(requests.dropFirst().map(\.body) == [body, body, body, ""])
        #expect(requests[0].body.contains(#""hostname":"share-manager-pvc-0b3e""#))
    }

    @Test(arguments: [false, true]) func manyClientsAreAddedByOneRequestWhereItIsOffered(_ isOffered: Bool) async throws {
        let clients: Set<ClientIdentity> = ["1:a", "1:b", "1:c"]
        let (requests, _) = try await withBackend(answering: .ok, "{}", offersPatch: isOffered) { client in
            try await client.open(Self.version, replacing: "OLD00001", for: Self.host)
            try await client.add(clients, to: Self.version, of: Self.host)
            try await client.add("1:d", to: Self.version, of: Self.host)
        }
        let path = "/v1/recoverybackend/share-manager-pvc-0b3e"
        #expect(requests[0].body.contains(#""replaces":"OLD00001""#))
        guard isOffered else {
            #expect(Set(requests.dropFirst().map(\.line)) == Set(["a", "b", "c", "d"].map { "PUT \(path)/1%3A\($0)" }))
            #expect(requests.dropFirst().allSatisfy { $0.body == #"{"version":"AB12CD34"}"# })
            return
        }
        #expect(requests.dropFirst().map(\.line) == ["PATCH \(path)", "PUT \(path)/1%3Ad"])
        let body = try #require(JSONSerialization.jsonObject(with: Data(requests[1].body.utf8)) as? [String: Any])
        #expect(body["version"] as? String == "AB12CD34")
        #expect((body["clients"] as? [String])?.sorted() == ["1:a", "1:b", "1:c"])
    }

    @Test func longhornsListOfClientsIsRead() async throws {
        let answer = """
            {"actions":{},"clients":["31:Linux NFSv4.1 rancher50-worker1","8:0x612f62"],"hostname":"share-manager-pvc-0b3e",
            "id":"share-manager-pvc-0b3e","links":{"self":"http://longhorn-recovery-backend:9503/v1/x"},"type":"recoveryBackendStatus"}
            """
        let (_, clients) = try await withBackend(answering: .ok, answer) { try await $0.activeClients(of: Self.host) }
        #expect(clients == ["31:Linux NFSv4.1 rancher50-worker1", "8:0x612f62"])
    }

    @Test(arguments: [
        "", "{}", "<html>", #"{"id":"h","type":"recoveryBackendStatus","links":{},"actions":{},"hostname":"h"}"#,
        #"{"id":"h","type":"recoveryBackendStatus","links":{},"actions":{},"hostname":"h","clients":["a/b"]}"#,
    ])
    func anAnswerThatIsNoListIsNotTakenForAnEmptyOne(_ answer: String) async throws {
        try await expectUnavailable("http://127.0.0.1") {
            _ = try await withBackend(answering: .ok, answer) { try await $0.activeClients(of: Self.host) }
        }
    }

    @Test func longhornsInternalErrorIsARefusal() async throws {
        let message = "failed to get the configmap recovery-backend-x: configmaps \\\"recovery-backend-x\\\" not found"
        let answer = """
            {"actions":{},"code":"Server Error","detail":"","links":{},"message":"\(message)","status":500,"type":"error"}
            """
        let expected = RecoveryError.refused(
            status: 500, "failed to get the configmap recovery-backend-x: configmaps \"recovery-backend-x\" not found")
        await #expect(throws: expected) {
            try await withBackend(answering: .internalServerError, answer) { try await $0.activate(Self.version, for: Self.host) }
        }
    }

    @Test(arguments: [.created, .accepted, .noContent, .movedPermanently, .notFound, .badGateway] as [HTTPResponse.Status])
    func onlyStatus200IsSuccess(_ status: HTTPResponse.Status) async throws {
        await #expect(throws: RecoveryError.refused(status: UInt(status.code), status.reasonPhrase)) {
            try await withBackend(answering: status, "") { try await $0.open(Self.version, for: Self.host) }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aBackendThatDoesNotAnswerIsUnavailableInTime() async throws {
        try await RawExchange.withSilentListener { address in
            try await expectUnavailable("no answer in time") {
                try await withClient(of: address, timeout: .milliseconds(200)) { try await $0.open(Self.version, for: Self.host) }
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aBackendThatStopsWithinItsAnswerIsUnavailableInTime() async throws {
        let beginning = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
        try await RawExchange.withListener(saying: beginning) { address in
            try await expectUnavailable("no answer in time") {
                _ = try await withClient(of: address, timeout: .milliseconds(200)) { try await $0.activeClients(of: Self.host) }
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func aBackendThatIsDownIsUnavailableAtOnce() async throws {
        let address = try RawExchange.freeAddress()
        try await expectUnavailable("is it running and reachable?") {
            try await withClient(of: address, timeout: .seconds(600)) { try await $0.open(Self.version, for: Self.host) }
        }
    }

    @Test(arguments: [
        "", "longhorn-recovery-backend:9503", "ftp://h/x", "http:///v1", "http://h:9503/v1?x=1", "http://h/#a", "http://h:port/",
    ])
    func aWrongURLIsRefused(_ url: String) {
        #expect(throws: RecoveryError.malformed("'\(url)' is no recovery URL: it has the form http://HOST:PORT/v1/recoverybackend")) {
            try RecoveryClient(url: url)
        }
    }

    private func expectUnavailable(_ reason: String, _ body: () async throws -> Void) async throws {
        let error = await #expect(throws: RecoveryError.self) { try await body() }
        guard case .unavailable(let found) = error else {
            Issue.record("\(String(describing: error)) is not 'unavailable'")
            return
        }
        #expect(found.contains(reason))
    }

    /// Runs `body` with a client of a backend that gives one answer to everything; returns what it was asked.
    private func withBackend<Result>(
        answering status: HTTPResponse.Status, _ answer: String, offersPatch: Bool = false, _ body: (RecoveryClient) async throws -> Result
    ) async throws -> ([Asked], Result) {
        let backend = OneAnswer(status: status, body: answer, offersPatch: offersPatch)
        let (addresses, continuation) = AsyncStream.makeStream(of: ServiceAddress.self)
        let application = Application(
            responder: backend, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                if let address = channel.localAddress.flatMap(ServiceAddress.init) { continuation.yield(address) }
            },
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let result = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try? await application.run()
            }
            let address = try #require(await addresses.first { _ in true })
            defer { group.cancelAll() }
            return try await withClient(of: address, body)
        }
        return (backend.asked.withLock { $0 }, result)
    }
}

private struct Asked {
    let line: String
    let connection: String?
    let body: String
}

private final class OneAnswer: HTTPResponder {
    typealias Context = BasicRequestContext

    let status: HTTPResponse.Status
    let body: String
    let offersPatch: Bool
    let asked = Mutex<[Asked]>([])

    init(status: HTTPResponse.Status, body: String, offersPatch: Bool) {
        self.status = status
        self.body = body
        self.offersPatch = offersPatch
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        let received = try await request.body.collect(upTo: 4096)
        asked.withLock {
            $0.append(
                Asked(line: "\(request.method) \(request.uri)", connection: request.headers[.connection], body: String(buffer: received)))
        }
        var headers: HTTPFields = [.contentType: "application/json"]
        if offersPatch { headers[.init("Accept-Patch")!] = "application/json" }
        if status == .movedPermanently { headers[.location] = "/elsewhere" }
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}
