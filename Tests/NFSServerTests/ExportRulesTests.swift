import ConformanceRecord
import FileSystem
import NFSServer
import NFSTestClient
import NFSTestServer
import RPC
import Testing

@Suite("The rules of an export", .coversEveryOperation)
struct ExportRulesTests {
    private static let user = Credential.sys(uid: 1000, gid: 1000)

    /// One file system, exported as it is and under the rules to be tested.
    private static func server(_ rules: Export.Rules, free: ExportRule = ExportRule()) async throws -> InProcessServer {
        let files = try memoryFiles()
        return await InProcessServer.start([
            NameSpace.Entry(pseudoPath: "/free", fileSystem: files, rules: Export.Rules(free)),
            NameSpace.Entry(pseudoPath: "/ruled", fileSystem: files, rules: rules),
        ])
    }

    @Test("read-only: everything that changes something is ROFS, reading goes on")
    func readOnly() async throws {
        let session = try await Self.server(Export.Rules(ExportRule(isReadOnly: true))).session()
        _ = try await session.makeFile(session.lookup("/free"), "file", [1, 2])
        let directory = try await session.lookup("/ruled")
        let file = try await session.lookup(directory, "file")
        let inDirectory: [Operation] = [
            .create(.directory, "new"), .remove("file"), .open(.null("new"), .unchecked(.none)), .open(.null("file"), access: .write),
            .open(.null("file"), .unchecked(.size(0)), access: .read), .setAttr(.mode(0o700)),
        ]
        for change in inDirectory {
            let reply = try await session.compound(.putFH(directory), change)
            #expect(reply.status == .roFS, "\(reply)")
        }
        for change in [Operation.write(.anonymous, [1]), .setAttr(.size(0))] {
            let reply = try await session.compound(.putFH(file), change)
            #expect(reply.status == .roFS, "\(reply)")
        }
        // There is nothing to commit, and ROFS is no status of COMMIT (§15.2).
        try await session.run(.putFH(file), .commit())
        let rename = try await session.compound(.putFH(directory), .saveFH, .putFH(directory), .rename("file", to: "other"))
        #expect(rename.outcome == Outcome(.rename, .roFS))
        #expect(try await session.compound(.putFH(file), .saveFH, .putFH(directory), .link("other")).outcome == Outcome(.link, .roFS))
        let opened = try await session.run(.putFH(directory), .open(.null("file"), access: .read), .getFH)
        #expect(try await session.read(opened.fileHandle, opened.open.stateID) == [1, 2])
    }

    @Test("ACCESS on a read-only export grants no change")
    func readOnlyAccess() async throws {
        let session = try await Self.server(Export.Rules(ExportRule(isReadOnly: true))).session()
        let granted = try await session.run(.putFH(session.lookup("/ruled")), .access(.all)).access.granted
        #expect(granted.contains([.read, .lookup]))
        #expect(granted.isDisjoint(with: [.modify, .extend, .delete]))
    }

    @Test(
        "squashed callers act as the anonymous user, others as themselves",
        arguments: [(Squash.none, "0", "1000"), (.root, "4242", "1000"), (.all, "4242", "4242")])
    func squash(_ squash: Squash, ofRoot: String, ofUser: String) async throws {
        let rules = Export.Rules(ExportRule(squash: squash, anonymous: Credentials(uid: 4242, gid: 4343)))
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

    // MARK: Addresses

    private static let admitted = PeerAddress(address: [10, 0, 0, 1], port: 700)
    private static let stranger = PeerAddress(address: [10, 0, 0, 2], port: 700)
    private static let rules = Export.Rules { $0.address == admitted.address ? ExportRule() : nil }

    @Test("a client at an address that is not admitted gets ACCESS when it looks the export up or asks for its flavors")
    func admission() async throws {
        let outside = try await TestSession.establish(over: Self.server(Self.rules).connect(from: Self.stranger))
        #expect(try await outside.outcome(of: "/ruled") == Outcome(.lookup, .access))
        #expect(try await outside.compound(.putRootFH, .secInfo("ruled")).outcome == Outcome(.secInfo, .access))
        #expect(try await outside.outcome(of: "/free") == Outcome(.lookup, .ok))
    }

    /// What a client that is not admitted may try on a file, and what it gets.
    private static let attempts: [(operation: Operation, outcome: Outcome)] = [
        (.getFH, Outcome(.getFH, .ok)), (.saveFH, Outcome(.saveFH, .ok)), (.getAttr([.type]), Outcome(.getAttr, .access)),
        (.verify(.none), Outcome(.verify, .access)), (.nVerify(.none), Outcome(.nVerify, .access)),
        (.access(.all), Outcome(.access, .access)), (.read(count: 1), Outcome(.read, .access)),
        (.write(.anonymous, [1]), Outcome(.write, .access)), (.commit(), Outcome(.commit, .access)),
        (.setAttr(.size(0)), Outcome(.setAttr, .access)), (.lookup("x"), Outcome(.lookup, .access)), (.lookupP, Outcome(.lookupP, .access)),
        (.readDir(), Outcome(.readDir, .access)), (.create(.directory, "x"), Outcome(.create, .access)),
        (.remove("x"), Outcome(.remove, .access)), (.open(.null("x"), access: .read), Outcome(.open, .access)),
        (.open(.fileHandle, access: .read), Outcome(.open, .access)), (.secInfo("x"), Outcome(.secInfo, .access)),
        (.secInfoNoName(), Outcome(.secInfoNoName, .access)), (.secInfoNoName(style: 1), Outcome(.secInfoNoName, .access)),
    ]

    @Test("a filehandle it got hold of is ACCESS for the operation behind PUTFH, which has no such status", arguments: attempts.indices)
    func admissionOfHandle(_ index: Int) async throws {
        let server = try await Self.server(Self.rules)
        let inside = try await TestSession.establish(over: server.connect(from: Self.admitted))
        let handle = try await inside.makeFile(inside.lookup("/ruled"), "file", [1])
        let outside = try await TestSession.establish(over: server.connect(from: Self.stranger))
        #expect(try await outside.compound(.putFH(handle)).status == .ok)
        let (operation, outcome) = Self.attempts[index]
        #expect(try await outside.compound(.putFH(handle), operation).outcome == outcome)
    }

    @Test("the rule is that of the client's address: two clients of one export act under two rules")
    func rulesByAddress() async throws {
        let server = try await Self.server(
            Export.Rules { peer in
                peer.address == Self.admitted.address
                    ? ExportRule(security: [.krb5p, .krb5i, .krb5, .sys])
                    : ExportRule(isReadOnly: true, squash: .all, anonymous: Credentials(uid: 7, gid: 8))
            })
        let writer = try await TestSession.establish(over: server.connect(from: Self.admitted))
        let reader = try await TestSession.establish(over: server.connect(from: Self.stranger))
        let (directory, file) = (try await writer.lookup("/ruled"), try await writer.makeFile(writer.lookup("/ruled"), "file", mode: 0o600))
        #expect(try await reader.compound(.putFH(directory), .remove("file")).outcome == Outcome(.remove, .roFS))
        #expect(try await reader.compound(.putFH(file), .read(count: 1)).outcome == Outcome(.read, .access))
        #expect(try await writer.run(.putFH(file), .secInfoNoName()).securityFlavors == [390_005, 390_004, 390_003, 1])
        #expect(try await reader.run(.putFH(file), .secInfoNoName()).securityFlavors == [1])
        try await writer.run(.putFH(directory), .remove("file"))
    }

    @Test("READDIR names the export to it, with ACCESS for its attributes, of which mounted_on_fileid is none")
    func admissionToListing() async throws {
        let server = try await Self.server(Self.rules)
        let outside = try await TestSession.establish(over: server.connect(from: Self.stranger))
        let root = try await outside.lookup("/")
        let entries = try await outside.entries(root, [.type, .rdattrError])
        let ruled = try #require(entries.first { $0.name == Array("ruled".utf8) })
        #expect(ruled.attributes == FileAttributes([.rdattrError: .uint32(Status.access.rawValue)]))
        let free = try #require(entries.first { $0.name == Array("free".utf8) })
        #expect(free.attributes == FileAttributes([.rdattrError: .uint32(0), .type: .uint32(FileType.directory.rawValue)]))
        #expect(try await outside.compound(.putFH(root), .readDir([.type])).outcome == Outcome(.readDir, .access))
        #expect(try await outside.entries(root, [.mountedOnFileID]).count == 2)
    }

    @Test("an export at / is an empty directory to it: PUTROOTFH has no ACCESS")
    func admissionToRoot() async throws {
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/", fileSystem: try memoryFiles(), rules: Self.rules)])
        let inside = try await TestSession.establish(over: server.connect(from: Self.admitted))
        _ = try await inside.makeFile(inside.lookup("/"), "file")
        let outside = try await TestSession.establish(over: server.connect(from: Self.stranger))
        for put in [Operation.putRootFH, .putPubFH] {
            #expect(try await outside.run(put, .readDir()).entries.entries.isEmpty)
            #expect(try await inside.run(put, .readDir()).entries.names == ["file"])
        }
        #expect(try await outside.outcome(of: "/file") == Outcome(.lookup, .noEnt))
    }

    // MARK: Flavors (§2.6.3.1)

    @Test("SECINFO and SECINFO_NO_NAME tell what an export accepts, in its order, and krb5 with its mechanism and service")
    func offeredFlavors() async throws {
        let offers: [([SecurityFlavor], [UInt32])] = [
            ([.sys], [1]), ([.krb5, .sys], [390_003, 1]), ([.sys, .krb5i, .none], [1, 390_004, 0]), ([.krb5p], [390_005]),
        ]
        for (security, flavors) in offers {
            let session = try await Self.server(Export.Rules(ExportRule(security: security))).session()
            #expect(try await session.run(.putRootFH, .secInfo("ruled")).securityFlavors == flavors)
            // The way to each export leads through the pseudo file system, which accepts what any of them does.
            #expect(try await session.run(.putRootFH, .secInfoNoName()).securityFlavors == [1] + flavors.filter { $0 != 1 })
        }
    }

    @Test("an export that takes krb5 alone can be found by it alone: sys is WRONGSEC at once, but is told what is accepted")
    func kerberosOnly() async throws {
        let rules = Export.Rules(ExportRule(security: [.krb5p, .krb5i]))
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/ruled", fileSystem: try memoryFiles(), rules: rules)])
        let session = try await server.session()
        #expect(try await session.compound(.putRootFH, .getAttr([.type])).outcome == Outcome(.putRootFH, .wrongSec))
        #expect(try await session.compound(.putRootFH, .lookup("ruled")).outcome == Outcome(.lookup, .wrongSec))
        #expect(try await session.run(.putRootFH, .secInfoNoName()).securityFlavors == [390_005, 390_004])
        #expect(try await session.run(.putRootFH, .secInfo("ruled")).securityFlavors == [390_005, 390_004])
    }

    @Test("whom no export admits is told so, not to come another way")
    func nobodyAdmits() async throws {
        let rules = Export.Rules { _ in nil }
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/ruled", fileSystem: try memoryFiles(), rules: rules)])
        #expect(try await server.session().outcome(of: "/ruled") == Outcome(.lookup, .access))
    }

    @Test("AUTH_NONE acts as the anonymous user where it is accepted")
    func anonymous() async throws {
        let rule = ExportRule(anonymous: Credentials(uid: 4242, gid: 4343), security: [.sys, .none])
        let session = try await Self.server(Export.Rules(rule)).session()
        let directory = try await session.lookup("/ruled")
        let file = try await session.open(directory, "file", credential: Credential.none)
        let attributes = try await session.attributes(file.handle, [.owner, .ownerGroup])
        #expect(attributes.owner == "4242")
        #expect(attributes.ownerGroup == "4343")
    }

    @Test("AUTH_NONE is WRONGSEC where nobody accepts it, and may ask for flavors")
    func authNone() async throws {
        let session = try await Self.server(Export.Rules()).session()
        let denied = try await session.compound([.putRootFH, .getAttr([.type])], credential: Credential.none)
        #expect(denied.outcome == Outcome(.putRootFH, .wrongSec))
        #expect(try await session.outcome(of: "/ruled", credential: Credential.none) == Outcome(.lookup, .wrongSec))
        let flavors = try await session.compound([.putRootFH, .secInfo("ruled")], credential: Credential.none).securityFlavors
        #expect(flavors == [1])
    }

    @Test("READDIR names exports whose flavors the request has not, with WRONGSEC for their attributes")
    func flavorOfListed() async throws {
        let session = try await Self.server(Export.Rules(ExportRule(security: [.krb5]))).session()
        let listed = try await session.compound(.putRootFH, .readDir([.type, .rdattrError])).entries.entries
        let ruled = try #require(listed.first { $0.name == Array("ruled".utf8) })
        #expect(ruled.attributes == FileAttributes([.rdattrError: .uint32(Status.wrongSec.rawValue)]))
        // READDIR itself has no WRONGSEC.
        #expect(try await session.compound(.putRootFH, .readDir([.type])).outcome == Outcome(.readDir, .access))
    }

    /// What follows an operation that puts a filehandle of an export which does not accept AUTH_NONE, and what the compound
    /// comes to; nil for the WRONGSEC of the operation before.
    static let followers: [(next: [Operation], outcome: Outcome?)] = [
        ([], Outcome(.restoreFH, .ok)),
        ([.saveFH], Outcome(.saveFH, .ok)),
        ([.putRootFH], Outcome(.putRootFH, .ok)),
        ([.saveFH, .putRootFH, .getAttr([.type])], Outcome(.getAttr, .ok)),
        ([.restoreFH], Outcome(.restoreFH, .ok)),
        ([.lookup("inner")], Outcome(.lookup, .wrongSec)),
        ([.lookup("absent")], Outcome(.lookup, .noEnt)),
        ([.lookupP], Outcome(.lookupP, .ok)),
        ([.saveFH, .lookup("inner")], Outcome(.lookup, .wrongSec)),
        ([.open(.null("file"), access: .read)], Outcome(.open, .wrongSec)),
        ([.open(.null("new"), .unchecked(.none))], Outcome(.open, .wrongSec)),
        ([.secInfo("inner")], Outcome(.secInfo, .ok)),
        ([.secInfoNoName()], Outcome(.secInfoNoName, .ok)),
        ([.secInfoNoName(style: 1)], Outcome(.secInfoNoName, .ok)),
        ([.secInfoNoName(), .getAttr([.type])], Outcome(.getAttr, .noFileHandle)),
        ([.open(.fileHandle, access: .read)], nil),
        ([.getFH], nil),
        ([.getAttr([.type])], nil),
        ([.access(.all)], nil),
        ([.readDir()], nil),
        ([.create(.directory, "new")], nil),
        ([.remove("file")], nil),
        ([.saveFH, .rename("file", to: "other")], nil),
        ([.saveFH, .getFH], nil),
        ([Operation(code: 9999)], nil),
    ]

    @Test("the operation that puts a filehandle is WRONGSEC where what follows cannot be (§2.6.3.1.1)", arguments: followers.indices)
    func flavorOfPutFilehandle(_ index: Int) async throws {
        let (next, outcome) = Self.followers[index]
        let session = try await Self.server(Export.Rules(), free: ExportRule(security: [.sys, .none])).session()
        let directory = try await session.lookup("/ruled")
        _ = try await session.makeFile(directory, "file")
        _ = try await session.makeDirectory(directory, "inner")
        let putFH = try await session.compound([.putFH(directory)] + next, credential: Credential.none)
        // A RESTOREFH as follower restores what nobody saved here.
        let isRestore = next.first?.code == OperationCode.restoreFH.rawValue
        let expected = isRestore ? Outcome(.restoreFH, .noFileHandle) : next.isEmpty ? Outcome(.putFH, .ok) : outcome
        #expect(putFH.outcome == expected ?? Outcome(.putFH, .wrongSec))
        let saved = [Operation.putFH(directory), .saveFH, .putRootFH, .restoreFH]
        let restoreFH = try await session.compound(saved + next, credential: Credential.none)
        #expect(restoreFH.outcome == outcome ?? Outcome(.restoreFH, .wrongSec))
        #expect(try await session.entries(directory).count == 2)
    }

    @Test("PUTROOTFH and PUTPUBFH are WRONGSEC by the same rule, where an export is the root")
    func flavorOfRoot() async throws {
        let session = try await InProcessServer.start([NameSpace.Entry(pseudoPath: "/", fileSystem: try memoryFiles())]).session()
        _ = try await session.makeDirectory(session.lookup("/"), "inner")
        for (put, code) in [(Operation.putRootFH, OperationCode.putRootFH), (.putPubFH, .putPubFH)] {
            #expect(try await session.compound([put, .getAttr([.type])], credential: Credential.none).outcome == Outcome(code, .wrongSec))
            #expect(
                try await session.compound([put, .lookup("inner")], credential: Credential.none).outcome == Outcome(.lookup, .wrongSec))
            #expect(try await session.compound([put, .secInfo("inner")], credential: Credential.none).status == .ok)
            #expect(try await session.compound([put], credential: Credential.none).status == .ok)
        }
    }

    @Test("LOOKUPP into a directory whose flavors the request has not is WRONGSEC (§18.14.3)")
    func flavorOfParent() async throws {
        let session = try await Self.server(Export.Rules()).session()
        let inner = try await session.makeDirectory(session.lookup("/ruled"), "inner")
        #expect(try await session.compound([.putFH(inner), .lookupP], credential: Credential.none).outcome == Outcome(.lookupP, .wrongSec))
        let parent = try await session.compound([.putFH(inner), .secInfoNoName(style: 1)], credential: Credential.none)
        #expect(try parent.securityFlavors == [1])
    }

    // MARK: Names (§14.5)

    private static let notUTF8: [[UInt8]] = [
        [0xff], [97, 0x80], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
    ]

    @Test("with utf8-only a name that is not UTF-8 is INVAL for every operation that takes one")
    func invalidNames() async throws {
        let session = try await Self.server(Export.Rules(takesUTF8Only: true)).session()
        let directory = try await session.lookup("/ruled")
        let file = try await session.makeFile(directory, "file")
        let fine = Array("file".utf8)
        for name in Self.notUTF8 {
            let operations: [(OperationCode, [Operation])] = [
                (.lookup, [.lookup(bytes: name)]), (.create, [.create(.directory, bytes: name)]), (.remove, [.remove(bytes: name)]),
                (.secInfo, [.secInfo(bytes: name)]), (.rename, [.saveFH, .rename(bytes: name, to: fine)]),
                (.rename, [.saveFH, .rename(bytes: fine, to: name)]), (.open, [.open(bytes: name)]),
            ]
            for (code, operations) in operations {
                #expect(try await session.compound([.putFH(directory)] + operations).outcome == Outcome(code, .inval), "\(name)")
            }
            let link = try await session.compound(.putFH(file), .saveFH, .putFH(directory), .link(bytes: name))
            #expect(link.outcome == Outcome(.link, .inval))
            let symlink = try await session.compound(.putFH(directory), .create(.symlink(name), "link"))
            #expect(symlink.outcome == Outcome(.create, .inval))
        }
        #expect(try await session.entries(directory).map(\.name) == [fine])
    }

    @Test("with utf8-only every name that is UTF-8 is taken as it is, and what is there already can be listed and read")
    func validNames() async throws {
        let session = try await Self.server(Export.Rules(takesUTF8Only: true)).session()
        let (free, directory) = (try await session.lookup("/free"), try await session.lookup("/ruled"))
        let names = ["ß", "e\u{301}", "é", "日本語", "\u{10ffff}", "\u{feff}x", "a\u{0}b"].map { Array($0.utf8) }
        for name in names.dropLast() {
            let made = try await session.run(.putFH(directory), .create(.directory, bytes: name), .getFH).fileHandle
            #expect(try await session.run(.putFH(directory), .lookup(bytes: name), .getFH).fileHandle == made)
        }
        #expect(try await session.compound(.putFH(directory), .lookup(bytes: names.last ?? [])).outcome == Outcome(.lookup, .badChar))
        try await session.run(.putFH(free), .create(.symlink([0xfe]), bytes: [0xff]))
        let listed = try await session.entries(directory, [.type, .fileHandle])
        let link = try #require(listed.first { $0.name == [0xff] }?.attributes.fileHandle)
        #expect(try await session.run(.putFH(link), .readLink).link == [0xfe])
    }

    // MARK: One directory, two exports

    @Test("what is exported twice has a filehandle and an fsid in each, is XDEV between them, and has one set of opens and locks")
    func exportedTwice() async throws {
        let session = try await Self.server(Export.Rules(ExportRule(isReadOnly: true))).session()
        let (free, ruled) = (try await session.lookup("/free"), try await session.lookup("/ruled"))
        let open = try await session.open(free, "file", deny: .write)
        let same = try await session.lookup(ruled, "file")
        #expect(same != open.handle)
        let (one, other) = (
            try await session.attributes(open.handle, [.fsid, .fileID]), try await session.attributes(same, [.fsid, .fileID])
        )
        #expect(one.fileID == other.fileID && one.values[.fsid] != other.values[.fsid])
        let denied = try await session.compound(
            .putFH(ruled), .open(.null("file"), access: .read, deny: .read, owner: "another"))
        #expect(denied.outcome == Outcome(.open, .shareDenied))
        let rename = try await session.compound(.putFH(ruled), .saveFH, .putFH(free), .rename("file", to: "moved"))
        #expect(rename.outcome == Outcome(.rename, .xdev))
        #expect(try await session.compound(.putFH(same), .saveFH, .putFH(free), .link("linked")).outcome == Outcome(.link, .xdev))
        try await session.close(open)
    }
}
