import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization

/// How an etcd cluster is reached.
package struct EtcdConfiguration: Sendable {
    /// `http://HOST:PORT` or `https://HOST:PORT` of each member; never empty.
    package var endpoints: [String]
    /// What all keys begin with, so that several backends may share a cluster.
    package var prefix = "/remuda/recovery"
    package var tls = TLSFiles()
    /// A file with `NAME:PASSWORD` of a user of etcd.
    package var credentials: String?
    /// How long one member may take to answer before the next is asked.
    package var attempt = Duration.seconds(1)
    /// How long all members together may take.
    package var timeout = Duration.seconds(3)

    package init(endpoints: [String]) {
        self.endpoints = endpoints
    }
}

/// Calls etcd's JSON gateway at whichever member answers.
///
/// After a call that no member answered, further calls fail at once for half a second, so that calls do not pile up
/// before a cluster that has no quorum.
final class EtcdClient: Sendable {
    private static let maximumAnswerLength = 16 << 20
    private static let pause = Duration.milliseconds(500)

    private struct State {
        /// The member that answered last.
        var preferred = 0
        var token: String?
        var outage: (end: ContinuousClock.Instant, error: RecoveryError)?
    }

    private enum Attempt {
        case answered(Data)
        /// The request itself is at fault, which every member would say.
        case refused(String)
        case failed(String)
        case needsToken
    }

    private let configuration: EtcdConfiguration
    private let user: Etcd.Authentication?
    private let tls: CurrentTLS<TLSConfiguration>
    private let http: HTTPClient
    private let state = Mutex(State())

    /// Throws ``RecoveryError/malformed(_:)``.
    init(_ configuration: EtcdConfiguration) throws(RecoveryError) {
        for endpoint in configuration.endpoints {
            guard let components = URLComponents(string: endpoint), ["http", "https"].contains(components.scheme),
                components.host?.isEmpty == false, components.path.isEmpty, components.query == nil
            else { throw .malformed("'\(endpoint)' is no endpoint of etcd: it has the form http://HOST:PORT") }
        }
        self.configuration = configuration
        user = try configuration.credentials.map { path throws(RecoveryError) in try Self.user(in: path) }
        tls = try CurrentTLS(configuration.tls) { files throws(RecoveryError) in try files.clientConfiguration() }
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.timeout.connect = TimeAmount(configuration.attempt)
        settings.timeout.read = TimeAmount(configuration.timeout)
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
        settings.httpVersion = .http1Only
        // The next member is asked instead.
        settings.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: settings)
    }

    private static func user(in path: String) throws(RecoveryError) -> Etcd.Authentication {
        let text = (try? String(contentsOfFile: path, encoding: .utf8))?.trimmingCharacters(in: .newlines) ?? ""
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else {
            throw .malformed("\(path) is to hold NAME:PASSWORD of a user of etcd")
        }
        return Etcd.Authentication(name: String(text[..<colon]), password: String(text[colon...].dropFirst()))
    }

    func range(_ range: Etcd.Range) async throws(RecoveryError) -> Etcd.RangeAnswer {
        try await call("/v3/kv/range", range)
    }

    func transaction(_ transaction: Etcd.Transaction) async throws(RecoveryError) -> Etcd.TransactionAnswer {
        try await call("/v3/kv/txn", transaction)
    }

    func close() async {
        // It fails only when it is called twice.
        try? await http.shutdown()
    }
}

extension EtcdClient {
    /// Throws ``RecoveryError/unavailable(_:)``; the call may have had its effect all the same.
    private func call<Answer: Decodable>(_ path: String, _ request: some Encodable) async throws(RecoveryError) -> Answer {
        let outage = state.withLock { $0.outage }
        if let outage, outage.end > .now { throw outage.error }
        do {
            let answer = try await answer(path, JSONEncoder().encode(request))
            return try JSONDecoder().decode(Answer.self, from: answer)
        } catch let error as RecoveryError {
            throw error
        } catch {
            throw .unavailable("etcd answered \(path) with something else than was expected: is it etcd 3.4 or newer? \(error)")
        }
    }

    private func answer(_ path: String, _ body: Data) async throws(RecoveryError) -> Data {
        let deadline = ContinuousClock.now + configuration.timeout
        let first = state.withLock { $0.preferred }
        var failures: [String] = []
        for offset in configuration.endpoints.indices where ContinuousClock.now < deadline {
            let index = (first + offset) % configuration.endpoints.count
            // Behind the last one there is nobody to leave time for.
            let patience = offset + 1 < configuration.endpoints.count ? configuration.attempt : configuration.timeout
            var attempt = await attempt(at: index, path, body, for: patience, before: deadline)
            if case .needsToken = attempt {
                // A token ends when it is not used for some minutes, or with the member that gave it.
                let failure = await authenticate(at: index, for: patience, before: deadline)
                attempt =
                    if let failure { failure } else { await self.attempt(at: index, path, body, for: patience, before: deadline) }
            }
            switch attempt {
            case .answered(let data):
                state.withLock { $0.preferred = index }
                return data
            case .refused(let reason): throw .unavailable("etcd at \(configuration.endpoints[index]) refuses: \(reason)")
            case .failed(let reason): failures.append("\(configuration.endpoints[index]): \(reason)")
            case .needsToken: failures.append("\(configuration.endpoints[index]): it does not accept the token it gave")
            }
        }
        let error = RecoveryError.unavailable(
            "no member of etcd answered: \(failures.joined(separator: "; ")): are most members running and reachable?")
        state.withLock { $0.outage = (.now + Self.pause, error) }
        throw error
    }

    private func attempt(
        at index: Int, _ path: String, _ body: Data, for patience: Duration, before deadline: ContinuousClock.Instant
    ) async -> Attempt {
        let token = state.withLock { $0.token }
        if user != nil, token == nil, path != Self.authentication { return .needsToken }
        var request = HTTPClientRequest(url: configuration.endpoints[index] + path)
        request.method = .POST
        request.tlsConfiguration = tls.value
        request.headers = ["Content-Type": "application/json"]
        if let token { request.headers.add(name: "Authorization", value: token) }
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await http.execute(request, deadline: .now() + TimeAmount(min(patience, deadline - .now)))
            let answer = Data(try await response.body.collect(upTo: Self.maximumAnswerLength).readableBytesView)
            guard response.status != .ok else { return .answered(answer) }
            return failure(response.status, answer)
        } catch {
            return .failed(reason(error))
        }
    }

    private static let authentication = "/v3/auth/authenticate"

    /// Gets a token. Returns what went wrong, nil when nothing did.
    private func authenticate(at index: Int, for patience: Duration, before deadline: ContinuousClock.Instant) async -> Attempt? {
        state.withLock { $0.token = nil }
        guard let user, let body = try? JSONEncoder().encode(user) else { return .failed("it asks for a user's name and password") }
        let attempt = await attempt(at: index, Self.authentication, body, for: patience, before: deadline)
        guard case .answered(let data) = attempt else { return attempt }
        guard let answer = try? JSONDecoder().decode(Etcd.AuthenticationAnswer.self, from: data) else { return .failed("it gave no token") }
        state.withLock { $0.token = answer.token }
        return nil
    }

    private func failure(_ status: HTTPResponseStatus, _ answer: Data) -> Attempt {
        let failure = try? JSONDecoder().decode(Etcd.Failure.self, from: answer)
        let message = failure?.message ?? failure?.error ?? status.reasonPhrase
        if status == .unauthorized || message.contains("invalid auth token") || message.contains("user name is empty") {
            return .needsToken
        }
        return status.code / 100 == 4 ? .refused(message) : .failed(message)
    }

    private func reason(_ error: any Error) -> String {
        switch error as? HTTPClientError {
        case .some(.deadlineExceeded), .some(.connectTimeout), .some(.readTimeout): "no answer in time"
        case .some(.remoteConnectionClosed): "it closed the connection"
        default: "\(error)"
        }
    }
}
