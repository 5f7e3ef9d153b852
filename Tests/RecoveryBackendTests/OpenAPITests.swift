import Foundation
import RecoveryBackend
import Testing

/// The service does what its OpenAPI document says, and nothing that it does not say.
@Suite struct OpenAPITests {
    typealias Object = [String: Any]

    /// What is asked in turn of a service in which host `h` is served by its second instance, still in grace.
    static let exchanges: [(method: String, path: String, target: String, body: String?, status: Int)] = [
        ("POST", "/v1/recoverybackend", "/v1/recoverybackend", #"{"hostname":"i","version":"AAAAAAA1"}"#, 200),
        ("POST", "/v1/recoverybackend", "/v1/recoverybackend", #"{"hostname":"h","version":"FIRST001"}"#, 409),
        ("POST", "/v1/recoverybackend", "/v1/recoverybackend", "{}", 400),
        ("POST", "/v1/recoverybackend", "/v1/recoverybackend", String(repeating: " ", count: 5000), 413),
        ("POST", "/v1/recoverybackend", "/v1/recoverybackend", #"{"hostname":"j","version":"AAAAAAA1"}"#, 507),
        ("GET", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", nil, 200),
        ("GET", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/x", nil, 404),
        ("GET", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/a%20b", nil, 400),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/h/1%3Aa", #"{"version":"SECOND02"}"#, 200),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/h/1%3Aa", #"{"version":"FIRST001"}"#, 409),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/h/1%3Aa", #"{"version":"UNKNOWN1"}"#, 409),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/x/1%3Aa", #"{"version":"UNKNOWN1"}"#, 404),
        ("PATCH", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"SECOND02","clients":["1:a"]}"#, 200),
        ("PATCH", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"FIRST001","clients":["1:a"]}"#, 409),
        ("PATCH", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"SECOND02","clients":[]}"#, 400),
        ("PATCH", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"SECOND02","clients":["a/b"]}"#, 400),
        ("PATCH", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/x", #"{"version":"SECOND02","clients":["1:a"]}"#, 404),
        ("PATCH", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"SECOND02","clients":["1:d","1:e"]}"#, 507),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/h/1%3Ac", #"{"version":"SECOND02"}"#, 200),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/h/1%3Ad", #"{"version":"SECOND02"}"#, 507),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}/{handle}", "/v1/recoverybackend/h/1%3Aa/AAAA", #"{"version":"SECOND02"}"#, 200),
        ("PUT", "/v1/recoverybackend/{hostname}/{client}/{handle}", "/v1/recoverybackend/h/1%3Ax/AAAA", #"{"version":"SECOND02"}"#, 404),
        ("GET", "/v1/hosts", "/v1/hosts", nil, 200),
        ("GET", "/v1/hosts", "/v1/hosts?limit=1&after=g%2Fx", nil, 400),
        ("GET", "/v1/hosts", "/v1/hosts?limit=1&after=%67", nil, 200),
        ("GET", "/v1/hosts", "/v1/hosts?limit=0", nil, 400),
        ("GET", "/v1/hosts", "/v1/hosts?limit=101", nil, 400),
        ("GET", "/v1/hosts/{hostname}", "/v1/hosts/h", nil, 200),
        ("GET", "/v1/hosts/{hostname}", "/v1/hosts/x", nil, 404),
        ("DELETE", "/v1/hosts/{hostname}/clients/{client}", "/v1/hosts/h/clients/1%3Ab", nil, 200),
        ("DELETE", "/v1/hosts/{hostname}/clients/{client}", "/v1/hosts/h/clients/1%3Ab", nil, 404),
        ("DELETE", "/v1/hosts/{hostname}/clients/{client}", "/v1/hosts/x/clients/1%3Ab", nil, 404),
        ("DELETE", "/v1/recoverybackend/{hostname}/{client}", "/v1/recoverybackend/h/1%3Aa", nil, 200),
        ("PUT", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"FIRST001"}"#, 409),
        ("PUT", "/v1/recoverybackend/{hostname}", "/v1/recoverybackend/h", #"{"version":"SECOND02"}"#, 200),
        ("GET", "/v1/hosts/{hostname}", "/v1/hosts/h", nil, 200),
        ("POST", "/v1/garbage-collection", "/v1/garbage-collection", #"{"pendingHours":24,"unseenHours":1000}"#, 200),
        ("POST", "/v1/garbage-collection", "/v1/garbage-collection", #"{"unseenHours":1}"#, 400),
        ("POST", "/v1/garbage-collection", "/v1/garbage-collection", "{}", 200),
        ("DELETE", "/v1/hosts/{hostname}", "/v1/hosts/i", nil, 200),
        ("DELETE", "/v1/hosts/{hostname}", "/v1/hosts/i", nil, 404),
        ("GET", "/v1/openapi.json", "/v1/openapi.json", nil, 200),
        ("GET", "/metrics", "/metrics", nil, 200),
        ("GET", "/healthz", "/healthz", nil, 200),
        ("GET", "/readyz", "/readyz", nil, 200),
    ]

    private func document() async throws -> Object {
        try await withService(over: MemoryRecoveryStore()) { address in
            try await Answer(RawExchange.send(RawExchange.ganesha("GET", "/v1/openapi.json"), to: address)).json
        }
    }

    @Test func theServiceHasExactlyTheRoutesOfTheDocument() async throws {
        let paths = try #require(await document()["paths"] as? [String: Object])
        let documented = paths.flatMap { path, operations in operations.keys.map { "\($0.uppercased()) \(path)" } }
        #expect(RecoveryService(store: MemoryRecoveryStore()).routes.sorted() == documented.sorted())
    }

    @Test func everyAnswerIsOneOfTheDocument() async throws {
        let document = try await document()
        let schemas = Schemas(document)
        var limits = RegistryLimits()
        (limits.hosts, limits.clientsPerHost) = (2, 2)
        let store = MemoryRecoveryStore(limits: limits)
        try await store.open("FIRST001", for: "h")
        for client in ["1:a", "1:b"] as [ClientIdentity] { try await store.add(client, to: "FIRST001", of: "h") }
        try await store.activate("FIRST001", for: "h")
        try await store.open("SECOND02", for: "h")

        let paths = try #require(document["paths"] as? [String: [String: Object]])
        var succeeded: Set<String> = []
        try await withService(over: store) { address in
            for exchange in Self.exchanges {
                let request = RawExchange.ganesha(exchange.method, exchange.target, body: exchange.body)
                let answer = try await Answer(RawExchange.send(request, to: address))
                #expect(answer.status == exchange.status, "\(exchange.method) \(exchange.target): \(answer.body)")
                let operation = try #require(paths[exchange.path]?[exchange.method.lowercased()])
                let responses = try #require(operation["responses"] as? [String: Object])
                let response = schemas.resolve(try #require(responses["\(answer.status)"], "\(exchange.method) \(exchange.target)"))
                if answer.status == 200 { succeeded.insert("\(exchange.method) \(exchange.path)") }
                guard let content = response["content"] as? [String: Object], let (type, media) = content.first else {
                    #expect(answer.body == "")
                    continue
                }
                #expect(answer.head.contains("content-type: \(type)"))
                guard type == "application/json" else { continue }
                schemas.check(answer.json, against: try #require(media["schema"] as? Object), at: "\(exchange.method) \(exchange.target)")
            }
        }
        #expect(succeeded.count == paths.values.map(\.count).reduce(0, +), "each operation succeeds once")
    }

    @Test func aStoreThatIsAwayIsAnsweredAsTheDocumentSays() async throws {
        let document = try await document()
        let schemas = Schemas(document)
        let paths = try #require(document["paths"] as? [String: [String: Object]])
        try await withTemporaryDirectory { directory in
            let store = try SQLiteRecoveryStore(path: directory + "/recovery.sqlite")
            await store.close()
            try await withService(over: store) { address in
                for exchange in Self.exchanges where exchange.status == 200 && exchange.path.hasPrefix("/v1/") {
                    guard exchange.path != "/v1/openapi.json", exchange.body != "{}" else { continue }
                    let request = RawExchange.ganesha(exchange.method, exchange.target, body: exchange.body)
                    let answer = try await Answer(RawExchange.send(request, to: address))
                    #expect(answer.status == 503, "\(exchange.method) \(exchange.target)")
                    let operation = try #require(paths[exchange.path]?[exchange.method.lowercased()]?["responses"] as? [String: Object])
                    #expect(operation["503"] != nil)
                    schemas.check(answer.json, against: ["$ref": "#/components/schemas/Failure"], at: exchange.target)
                }
                #expect(try await Answer(RawExchange.send(RawExchange.ganesha("GET", "/readyz"), to: address)).status == 503)
                #expect(try await Answer(RawExchange.send(RawExchange.ganesha("GET", "/healthz"), to: address)).status == 200)
            }
        }
    }

    @Test func metricsAreInPrometheussTextFormat() async throws {
        let store = MemoryRecoveryStore()
        try await store.open("FIRST001", for: "h")
        try await withService(over: store) { address in
            for target in ["/v1/hosts/h", "/v1/hosts/x", "/v1/hosts/h", "/nowhere"] {
                _ = try await RawExchange.send(RawExchange.ganesha("GET", target), to: address)
            }
            let answer = try await Answer(RawExchange.send(RawExchange.ganesha("GET", "/metrics"), to: address))
            let lines = answer.body.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            #expect(lines.last == "")
            for line in lines.dropLast() where !line.hasPrefix("# ") {
                #expect(try /[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+/.wholeMatch(in: line) != nil, "\(line)")
            }
            let name = "remuda_recovery_request_seconds"
            #expect(lines.contains("remuda_recovery_store_up 1"))
            #expect(lines.contains("remuda_recovery_hosts 1"))
            #expect(lines.contains("remuda_recovery_hosts_in_grace 1"))
            #expect(lines.contains(#"\#(name)_count{method="GET",route="/v1/hosts/{hostname}",status="200"} 2"#))
            #expect(lines.contains(#"\#(name)_bucket{method="GET",route="/v1/hosts/{hostname}",status="200",le="+Inf"} 2"#))
            #expect(lines.contains(#"\#(name)_count{method="GET",route="/v1/hosts/{hostname}",status="404"} 1"#))
            #expect(lines.contains(#"\#(name)_count{method="any",route="NotFound",status="404"} 1"#))
        }
    }
}

/// As much of JSON Schema as the document uses.
private struct Schemas {
    let document: [String: Any]

    init(_ document: [String: Any]) { self.document = document }

    func resolve(_ object: [String: Any]) -> [String: Any] {
        guard let reference = object["$ref"] as? String else { return object }
        let found = reference.split(separator: "/").dropFirst().reduce(document as Any?) { ($0 as? [String: Any])?[String($1)] }
        guard let found = found as? [String: Any] else {
            Issue.record("the document has no \(reference)")
            return [:]
        }
        return found
    }

    func check(_ value: Any, against schema: [String: Any], at place: String) {
        let schema = resolve(schema)
        switch schema["type"] as? String {
        case "object":
            guard let object = value as? [String: Any] else { return fail("is no object", value, place) }
            let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
            for name in schema["required"] as? [String] ?? [] where object[name] == nil { fail("lacks \(name)", value, place) }
            for (name, value) in object {
                if let property = properties[name] {
                    check(value, against: property, at: "\(place).\(name)")
                } else if schema["additionalProperties"] as? Bool == false {
                    fail("has \(name)", object, place)
                }
            }
        case "array":
            guard let array = value as? [Any], let items = schema["items"] as? [String: Any] else {
                return fail("is no array", value, place)
            }
            for (index, element) in array.enumerated() { check(element, against: items, at: "\(place)[\(index)]") }
        case "integer":
            guard let number = value as? Int, number >= schema["minimum"] as? Int ?? .min else {
                return fail("is no such number", value, place)
            }
        case "string":
            guard let text = value as? String else { return fail("is no text", value, place) }
            if let allowed = schema["enum"] as? [String], !allowed.contains(text) { fail("is none of \(allowed)", value, place) }
            if let pattern = schema["pattern"] as? String, text.range(of: pattern, options: .regularExpression) == nil {
                fail("does not match \(pattern)", value, place)
            }
            if schema["format"] as? String == "date-time", (try? Date(text, strategy: .iso8601)) == nil { fail("is no time", value, place) }
        default:
            fail("has a schema of an unknown type", value, place)
        }
    }

    private func fail(_ reason: String, _ value: Any, _ place: String) {
        Issue.record("\(place) \(reason): \(value)")
    }
}
