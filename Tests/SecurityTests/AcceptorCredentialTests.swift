import KerberosLab
import NFSTestClient
import RPCSecurity
import Testing

@Suite("The keys of the service", .withRealm)
struct AcceptorCredentialTests {
    /// Why there are no keys, in which `DIR` stands for the realm's directory.
    private func failure(_ keytab: String, _ principal: String? = nil) async throws -> String? {
        let directory = try await TestRealm.shared().directory
        do throws(KerberosError) {
            _ = try AcceptorCredential(keytab: keytab, principal: principal)
            return nil
        } catch {
            return error.description.replacing(directory, with: "DIR")
        }
    }

    @Test("are found in the keytab, for one name or for all of the service")
    func found() async throws {
        let keytab = try await TestRealm.shared().keytab
        #expect(try await failure(keytab) == nil)
        #expect(try await failure(keytab, "nfs/localhost@\(TestRealm.name)") == nil)
    }

    @Test("that are not there are missed with the reason")
    func missing() async throws {
        let realm = try await TestRealm.shared()
        let elsewhere = "nfs/elsewhere@\(TestRealm.name)"
        for (keytab, principal, reason) in [
            ("none", nil, "no key of any nfs/ principal can be had from the keytab DIR/none: Key table file 'DIR/none' not found"),
            (
                "machine.keytab", nil,
                "no key of any nfs/ principal can be had from the keytab DIR/machine.keytab: No key table entry found matching nfs/@"
            ),
            (
                "krb5.conf", nil,
                "no key of any nfs/ principal can be had from the keytab DIR/krb5.conf: Unsupported key table format version number"
            ),
            (
                "server.keytab", elsewhere,
                "no key of \(elsewhere) can be had from the keytab DIR/server.keytab: No key table entry found for \(elsewhere)"
            ),
        ] {
            let failure = try await failure("\(realm.directory)/\(keytab)", principal)
            #expect(failure == reason)
        }
    }
}

@Suite("A server whose keytab cannot be used", .timeLimit(.minutes(1)))
struct MissingKeytabTests {
    @Test("says so in one line, refuses Kerberos and serves everything else")
    func missing() async throws {
        let server = try await ServerUnderTest.start(ServerUnderTest.Settings(extraArguments: ["--keytab", "/nowhere/keytab"]))
        let lines = try await server.log().split(separator: "\n").filter { $0.contains("Kerberos") }
        #expect(lines.count == 1)
        let line = try #require(lines.first)
        #expect(
            line.hasSuffix(
                "Kerberos cannot be served, exports that ask for it are refused: no key of any nfs/ principal can be had from the "
                    + "keytab /nowhere/keytab: Key table file '/nowhere/keytab' not found: put the keys there (ktadd nfs/NAME), start again"
            ))
        _ = try await server.sessionInNewDirectory()
        let call = RPCCall(
            xid: 1, procedure: 0, credential: ClientContext.credential(ControlProcedure.initialize, 0, .none, []), arguments: [0, 0, 0, 0])
        let reply = try CheckedReply(try await server.socket().exchange(call.bytes))
        #expect(reply.body == .authError(AuthError.rejectedCredential))
    }
}
