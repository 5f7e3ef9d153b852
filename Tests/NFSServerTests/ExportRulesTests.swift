import FileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import RPC
import Testing

@Suite("The rules of an export")
struct ExportRulesTests {
    private static let user = Credential.sys(uid: 1000, gid: 1000)

    /// One file system, exported as it is and under the rules to be tested.
    private static func server(_ rules: Export.Rules) async throws -> InProcessServer {
        let files = try memoryFiles()
        return await InProcessServer.start([
            NameSpace.Entry(pseudoPath: "/free", fileSystem: files), NameSpace.Entry(pseudoPath: "/ruled", fileSystem: files, rules: rules),
        ])
    }

    @Test("read-only: everything that changes something is ROFS, reading goes on")
    func readOnly() async throws {
        let session = try await Self.server(Export.Rules(isReadOnly: true)).session()
        _ = try await session.makeFile(session.lookup("/free"), "file", [1, 2])
        let directory = try await session.lookup("/ruled")
        let file = try await session.lookup(directory, "file")
        let inDirectory: [Operation] = [
            .create(.directory, "new"), .remove("file"), .open(.null("new"), .unchecked(.none)), .open(.null("file"), access: .write),
            .setAttr(.mode(0o700)),
        ]
        for change in inDirectory {
            let reply = try await session.compound(.putFH(directory), change)
            #expect(reply.status == .roFS, "\(reply)")
        }
        for change in [Operation.write(.anonymous, [1]), .setAttr(.size(0)), .commit()] {
            let reply = try await session.compound(.putFH(file), change)
            #expect(reply.status == .roFS, "\(reply)")
        }
        let rename = try await session.compound(.putFH(directory), .saveFH, .putFH(directory), .rename("file", to: "other"))
        #expect(rename.outcome == Outcome(.rename, .roFS))
        #expect(try await session.compound(.putFH(file), .saveFH, .putFH(directory), .link("other")).outcome == Outcome(.link, .roFS))
        let opened = try await session.run(.putFH(directory), .open(.null("file"), access: .read), .getFH)
        #expect(try await session.read(opened.fileHandle, opened.open.stateID) == [1, 2])
    }

    @Test("ACCESS on a read-only export grants no change")
    func readOnlyAccess() async throws {
        let session = try await Self.server(Export.Rules(isReadOnly: true)).session()
        let granted = try await session.run(.putFH(session.lookup("/ruled")), .access(.all)).access.granted
        #expect(granted.contains([.read, .lookup]))
        #expect(granted.isDisjoint(with: [.modify, .extend, .delete]))
    }

    @Test(
        "squashed callers act as the anonymous user, others as themselves",
        arguments: [(Squash.none, "0", "1000"), (.root, "4242", "1000"), (.all, "4242", "4242")])
    func squash(_ squash: Squash, ofRoot: String, ofUser: String) async throws {
        let rules = Export.Rules(squash: squash, anonymous: Credentials(uid: 4242, gid: 4343))
        let session = try await Self.server(rules).session()
        let directory = try await session.lookup("/ruled")
        for (name, credential, owner) in [("of root", Credential.root, ofRoot), ("of user", Self.user, ofUser)] {
            let file = try await session.open(directory, name, credential: credential)
            let attributes = try await session.attributes(file.handle, [.owner, .ownerGroup])
            #expect(attributes.owner == owner)
            #expect(attributes.ownerGroup == (owner == "4242" ? "4343" : owner))
        }
        _ = try await session.makeDirectory(session.lookup("/free"), "of root only", mode: 0o700)
        let reply = try await session.compound(.putFH(session.lookup(directory, "of root only")), .create(.directory, "new"))
        #expect(reply.status == (squash == .none ? .ok : .access))
    }

    @Test("a client at an address that is not admitted gets ACCESS, and STALE with a filehandle it got hold of")
    func admission() async throws {
        let (admitted, stranger) = (PeerAddress(address: [10, 0, 0, 1], port: 700), PeerAddress(address: [10, 0, 0, 2], port: 700))
        let server = try await Self.server(Export.Rules(admits: { $0.address == admitted.address }))
        let inside = try await TestSession.establish(over: server.connect(from: admitted))
        let handle = try await inside.lookup("/ruled")
        let outside = try await TestSession.establish(over: server.connect(from: stranger))
        #expect(try await outside.outcome(of: "/ruled") == Outcome(.lookup, .access))
        #expect(try await outside.compound(.putFH(handle)).outcome == Outcome(.putFH, .stale))
        #expect(try await outside.outcome(of: "/free") == Outcome(.lookup, .ok))
    }

    @Test("AUTH_NONE gets as far as the pseudo file system, where it can ask for flavours: WRONGSEC inside an export (§2.6.3.1)")
    func authNone() async throws {
        let session = try await Self.server(Export.Rules()).session()
        let handle = try await session.lookup("/ruled")
        #expect(try await session.compound([.putRootFH], credential: Credential.none).status == .ok)
        #expect(try await session.outcome(of: "/ruled", credential: Credential.none) == Outcome(.lookup, .wrongSec))
        let flavors = try await session.compound([.putRootFH, .secInfo("ruled")], credential: Credential.none).securityFlavors
        #expect(flavors == [1])
        let reply = try await session.compound([.putFH(handle), .getAttr([.type])], credential: Credential.none)
        #expect(reply.status == .wrongSec)
    }
}
