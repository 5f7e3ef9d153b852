import Foundation
import RecoveryBackend
import Testing

/// Who is let in.
@Suite struct AccessTests {
    static let host: ServerHostname = "share-manager-pvc-1"

    private func ask(_ address: ServiceAddress, _ method: String, _ path: String, headers: String = "") async throws -> Answer {
        let request = "\(method) \(path) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\(headers)Content-Length: 0\r\n\r\n"
        return try await Answer(RawExchange.send(Array(request.utf8), to: address))
    }

    private func withTokens(_ text: String, _ body: (TokenFile, String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/token"
            try Data(text.utf8).write(to: URL(filePath: path))
            try await body(TokenFile(path: path), path)
        }
    }

    @Test func withoutATokenThereIs401AndNothingElse() async throws {
        try await withTokens("secret-1\nsecret-2\n") { tokens, _ in
            try await withService(over: MemoryRecoveryStore(), tokens: tokens) { address in
                let wrong = [
                    "", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", "Authorization: Bearer secret-\r\n",
                    "Authorization: Bearer secret-11\r\n", "Authorization: Bearer SECRET-1\r\n", "Authorization: Basic secret-1\r\n",
                    "Authorization: secret-1\r\n", "Authorization: Bearer secret-1secret-1\r\n",
                ]
                let paths = [
                    "/", "/metrics", "/v1/openapi.json", "/v1/hosts", "/v1/hosts/h", RecoveryService.path, RecoveryService.path + "/h",
                    "/healthz/",
                ]
                for (index, headers) in wrong.enumerated() {
                    for path in paths {
                        for method in index == 0 ? ["GET", "PUT", "POST", "DELETE", "PATCH"] : ["GET"] {
                            let answer = try await ask(address, method, path, headers: headers)
                            #expect(answer.status == 401, "\(method) \(path) \(headers)")
                            #expect(answer.body == "")
                            #expect(answer.head.contains("www-authenticate: bearer"))
                        }
                    }
                }
                for token in ["secret-1", "secret-2"] {
                    #expect(try await ask(address, "GET", "/v1/hosts", headers: "authorization: bearer \(token)\r\n").status == 200)
                }
            }
        }
    }

    @Test func healthIsToldToEverybodyAndNothingMore() async throws {
        try await withTokens("secret") { tokens, _ in
            try await withService(over: MemoryRecoveryStore(), tokens: tokens) { address in
                for path in ["/healthz", "/readyz"] {
                    let answer = try await ask(address, "GET", path)
                    #expect(answer.status == 200)
                    #expect(answer.body == "")
                }
            }
        }
    }

    @Test func aChangedFileIsReadAgain() async throws {
        try await withTokens("old") { tokens, path in
            try await withService(over: MemoryRecoveryStore(), tokens: tokens) { address in
                let client = { (token: String) in
                    try await ask(address, "GET", "/v1/hosts", headers: "Authorization: Bearer \(token)\r\n").status
                }
                #expect(try await client("old") == 200)
                try Data("new".utf8).write(to: URL(filePath: path))
                #expect(try await client("old") == 401)
                #expect(try await client("new") == 200)
                // Nobody is let in by a file that is not there, and it may come back.
                try FileManager.default.removeItem(atPath: path)
                #expect(try await client("new") == 401)
                #expect(try await client("") == 401)
                try Data("newer".utf8).write(to: URL(filePath: path), options: .atomic)
                #expect(try await client("newer") == 200)
            }
        }
    }

    @Test(arguments: ["", "\n \n", "tab\tinside\u{1}"]) func aFileWithoutATokenIsRefused(_ text: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = directory + "/token"
            try Data(text.utf8).write(to: URL(filePath: path))
            #expect(throws: RecoveryError.malformed("\(path) is to hold a bearer token: one line of printable characters")) {
                try TokenFile(path: path)
            }
        }
    }

    @Test func theClientPresentsItsTokenAndANewOneWhenTheFileChanges() async throws {
        try await withTokens("one") { tokens, path in
            try await withService(over: MemoryRecoveryStore(), tokens: tokens) { address in
                let own = path + "-of-client"
                try Data("one\n".utf8).write(to: URL(filePath: own))
                try await closing(RecoveryClient(url: "http://\(address)", tokenFile: own)) { client in
                    try await client.open("AB12CD34", for: Self.host)
                    try Data("another".utf8).write(to: URL(filePath: path))
                    let refused = RecoveryError.refused(
                        status: 401, "it does not accept our bearer token: is it one of those in its token file?")
                    await #expect(throws: refused) { _ = try await client.activeClients(of: Self.host) }
                    try Data("another".utf8).write(to: URL(filePath: own))
                    #expect(try await client.activeClients(of: Self.host) == [])
                }
            }
        }
    }

    @Test func onlyClientsOfTheAuthorityAreServed() async throws {
        try await withTemporaryDirectory { directory in
            let ours = try await Certificates(of: "127.0.0.1", in: directory)
            try await withTemporaryDirectory { elsewhere in
                let others = try await Certificates(of: "127.0.0.1", in: elsewhere)
                try await withService(over: MemoryRecoveryStore(), tls: ours.server) { address in
                    let url = "https://\(address)"
                    try await closing(RecoveryClient(url: url, tls: ours.client)) { try await $0.open("AB12CD34", for: Self.host) }
                    let strangers = [
                        TLSFiles(authority: ours.authority),
                        TLSFiles(authority: ours.authority, certificate: others.client.certificate, key: others.client.key),
                        others.client,
                    ]
                    for files in strangers {
                        try await closing(RecoveryClient(url: url, timeout: .seconds(2), tls: files)) { client in
                            let error = await #expect(throws: RecoveryError.self) { try await client.open("AB12CD34", for: Self.host) }
                            guard case .unavailable = error else {
                                Issue.record("\(String(describing: error)) is not 'unavailable'")
                                return
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func replacedCertificatesAreUsedFromTheNextConnectionOn() async throws {
        try await withTemporaryDirectory { directory in
            let files = try await Certificates(of: "127.0.0.1", in: directory)
            try await withService(over: MemoryRecoveryStore(), tls: files.server) { address in
                try await closing(RecoveryClient(url: "https://\(address)", tls: files.client)) { client in
                    try await client.open("AB12CD34", for: Self.host)
                    try await withTemporaryDirectory { fresh in
                        let others = try await Certificates(of: "127.0.0.1", in: fresh)
                        for (old, new) in zip(files.server.paths + files.client.paths, others.server.paths + others.client.paths) {
                            // Renamed over the old one, one after another, while calls are made.
                            try Data(contentsOf: URL(filePath: new)).write(to: URL(filePath: old), options: .atomic)
                            _ = try? await client.activeClients(of: Self.host)
                        }
                        // Neither end trusts what the other one had.
                        #expect(try await client.activeClients(of: Self.host) == [])
                    }
                }
            }
        }
    }

    @Test func filesThatAreNoCertificatesAreSaidToBeNone() {
        #expect(throws: RecoveryError.malformed("the certificate /dev/null is given without its key: give both")) {
            try RecoveryClient(url: "https://h", tls: TLSFiles(certificate: "/dev/null"))
        }
        #expect(throws: RecoveryError.self) { try RecoveryClient(url: "https://h", tls: TLSFiles(authority: "/dev/null")) }
    }
}
