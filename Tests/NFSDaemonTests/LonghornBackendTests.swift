import Foundation
import Logging
import NFSDaemon
import RecoveryBackend
import Synchronization
import Testing

@Suite("The record of clients in Longhorn's backend", .timeLimit(.minutes(1)))
final class LonghornBackendTests {
    private let directory = "\(NSTemporaryDirectory())/longhorn-tests-\(UUID().uuidString)"
    private let backend: LonghornBackend
    private let host = "share-manager-pvc-1"
    private var following: [Task<Void, Never>] = []
    private let superseded = Superseded()

    private final class Superseded: Sendable {
        let reasons = Mutex<[String]>([])
    }

    init() throws { backend = try LonghornBackend() }

    deinit {
        for task in following { task.cancel() }
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// An instance whose journal is in `place` and which the backend follows.
    private func record(in place: String = "journal") throws -> RecoveryRecord {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = try RecoveryClient(url: backend.url)
        let follower = BackendFollower(store: client, hostname: try #require(ServerHostname(rawValue: host)), log: log)
        following.append(
            Task { [superseded] in
                await follower.run(
                    BackendFollower.Events(
                        superseded: { reason in superseded.reasons.withLock { $0.append(reason) } }, declaredDead: { _ in }))
                await client.close()
            })
        return try RecoveryRecord(directory: "\(directory)/\(place)", backend: follower, deadline: .seconds(30), log: log)
    }

    private func owner(_ name: String) -> [UInt8] { Array(name.utf8) }

    /// Waits until the version in force has these clients and a marker.
    private func untilListed(_ clients: Set<String>) async throws {
        let end = ContinuousClock.now + .seconds(50)
        while true {
            let found = backend.clients(of: host)
            if let found, found.filter({ !$0.contains("remuda-journal") }) == clients, found.count == clients.count + 1 { return }
            try #require(ContinuousClock.now < end, "\(found ?? [])")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("a first instance finds nothing, though the backend calls that an error, and the next one finds what it left")
    func firstAndNext() async throws {
        let first = try record()
        #expect(try await first.open() == [])
        try await first.add(owner("Linux NFSv4.1 worker 1"))
        try await first.add([0, 0xff])
        try await first.activate()
        try await untilListed(["22:Linux NFSv4.1 worker 1", "6:0x00ff"])
        for task in following { task.cancel() }
        let next = try record(in: "elsewhere")
        #expect(try await Set(next.open()) == [owner("Linux NFSv4.1 worker 1"), [0, 0xff]])
        try await next.add(owner("Linux NFSv4.1 worker 1"))
        try await next.activate()
        try await untilListed(["22:Linux NFSv4.1 worker 1"])
        try await next.remove(owner("Linux NFSv4.1 worker 1"))
        try await untilListed([])
    }

    @Test("a ConfigMap that is lost is made again with all that was in it")
    func lost() async throws {
        let record = try record()
        _ = try await record.open()
        try await record.add(owner("one"))
        try await record.activate()
        try await untilListed(["3:one"])
        backend.lose(host)
        try await record.add(owner("two"))
        try await untilListed(["3:one", "3:two"])
        #expect(superseded.reasons.withLock { $0.isEmpty })
    }

    @Test("an activation that failed, but had its effect, loses nobody")
    func failedActivation() async throws {
        let record = try record()
        _ = try await record.open()
        try await record.add(owner("one"))
        backend.failNextActivation()
        try await record.activate()
        try await untilListed(["3:one"])
        try await record.add(owner("two"))
        try await untilListed(["3:one", "3:two"])
        let activated = backend.requests.filter { $0.line.hasPrefix("PUT /v1/recoverybackend/\(host) ") }.map(\.body)
        #expect(activated.count == 2)
        #expect(Set(activated).count == 2)
    }

    @Test("it is asked for nothing but what the contract has")
    func requests() async throws {
        let record = try record()
        _ = try await record.open()
        for number in 0..<20 { try await record.add(owner("client \(number)")) }
        try await record.activate()
        try await untilListed(Set((0..<20).map { number in "\(number < 10 ? 8 : 9):client \(number)" }))
        try await record.remove(owner("client 7"))
        try await untilListed(Set((0..<20).filter { $0 != 7 }.map { number in "\(number < 10 ? 8 : 9):client \(number)" }))
        let path = "/v1/recoverybackend"
        let client = "[0-9]+%3A[A-Za-z0-9.~%_-]+"
        for request in backend.requests {
            #expect(
                request.line.range(
                    of: "^(POST \(path)|GET \(path)/\(host)|PUT \(path)/\(host)(/\(client))?|DELETE \(path)/\(host)/\(client)) HTTP/1.1$",
                    options: .regularExpression) != nil, "\(request.line)")
            #expect(request.headers["connection"] == "close")
            #expect(request.headers["content-type"] == (request.body.isEmpty ? nil : "application/json; charset=utf-8"))
        }
    }
}
