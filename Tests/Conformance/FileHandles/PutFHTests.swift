import ConformanceRecord
import NFSTestClient
import Testing

@Suite("PUTFH (RFC 8881 §18.19)", .covers(.putFH))
struct PutFHTests {
    @Test("GETFH gives what PUTFH took")
    func roundTrip() async throws {
        let (session, directory) = try await newDirectory()
        #expect(try await session.run(.putFH(directory), .getFH).fileHandle == directory)
    }

    @Test("a file has one handle, by whatever name and client it is found")
    func oneHandle() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        try await session.run(.putFH(file), .saveFH, .putFH(directory), .link("second"))
        #expect(try await session.lookup(directory, "second") == file)
        #expect(try await newSession().lookup(directory, "file") == file)
        #expect(try await session.attributes(file, [.fileHandle]).fileHandle == file)
    }

    @Test("bytes that were never a handle are BADHANDLE", arguments: [0, 1, 3, 4, 16, 63, 127, 128])
    func badHandle(_ length: Int) async throws {
        let session = try await newSession()
        for byte in [UInt8(0), 1, 0x5a, 0xff] {
            let reply = try await session.compound(.putFH(FileHandle(Array(repeating: byte, count: length))))
            #expect(reply.outcome == Outcome(.putFH, .badHandle), "\(length) times \(byte)")
        }
    }

    @Test("a handle cut short or made longer is BADHANDLE")
    func wrongLength() async throws {
        let (session, directory) = try await newDirectory()
        for length in 0..<directory.bytes.count {
            let reply = try await session.compound(.putFH(FileHandle(Array(directory.bytes.prefix(length)))))
            #expect(reply.outcome == Outcome(.putFH, .badHandle), "\(length) bytes")
        }
        guard directory.bytes.count < 128 else { return }
        let reply = try await session.compound(.putFH(FileHandle(directory.bytes + [0])))
        #expect(reply.outcome == Outcome(.putFH, .badHandle))
    }

    @Test("it clears the current stateid (§16.2.3.1.2)")
    func currentStateID() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let reply = try await session.compound(
            .putFH(directory), .open(.null("file"), access: .both), .putFH(file), .read(.current, count: 1))
        #expect(reply.outcome == Outcome(.read, .badStateID))
    }

    @Test("handles persist, and so does what they say of themselves (§4.2.2)")
    func persistence() async throws {
        let (session, directory) = try await newDirectory()
        let root = try await session.run(.putRootFH, .getFH).fileHandle
        for handle in [directory, root] {
            let attributes = try await session.attributes(handle, [.fhExpireType, .uniqueHandles])
            #expect(attributes == FileAttributes([.fhExpireType: .uint32(0), .uniqueHandles: .bool(true)]))
        }
    }

    @Test("a server that is killed and started again takes the same handles", .ownProcess)
    func restart() async throws {
        let server = try await ServerUnderTest.start()
        let (session, directory) = try await server.sessionInNewDirectory()
        let handles = [
            try await session.run(.putRootFH, .getFH).fileHandle, directory, try await session.makeFile(directory, "file", [1, 2]),
            try await session.run(.putFH(directory), .create(.symlink(to: "x"), "link"), .getFH).fileHandle,
        ]
        let gone = try await session.makeFile(directory, "gone")
        try await session.run(.putFH(directory), .remove("gone"))
        let wanted: AttributeSet = [.type, .fsid, .fileID, .change, .size]
        var before: [FileAttributes] = []
        for handle in handles { before.append(try await session.attributes(handle, wanted)) }
        try await server.restart()
        let after = try await server.session()
        for (handle, attributes) in zip(handles, before) { #expect(try await after.attributes(handle, wanted) == attributes) }
        #expect(try await after.compound(.putFH(gone)).outcome == Outcome(.putFH, .stale))
    }

    @Test("a handle of more than NFS4_FHSIZE bytes is BADXDR", arguments: [129, 132, 4096])
    func tooLong(_ length: Int) async throws {
        let reply = try await newSession().compound(.putFH(FileHandle(Array(repeating: 1, count: length))))
        #expect(reply.outcome == Outcome(.putFH, .badXDR))
    }

    @Test("the handle of a removed file is STALE, also when its name is used again")
    func removedFile() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file", [1])
        try await session.run(.putFH(directory), .remove("file"))
        #expect(try await session.compound(.putFH(file), .getAttr([.size])).status == .stale)
        _ = try await session.makeFile(directory, "file", [2])
        #expect(try await session.compound(.putFH(file), .getAttr([.size])).status == .stale)
        #expect(try await session.compound(.putFH(file), .read(count: 1)).status == .stale)
    }

    @Test("the handle of a removed directory is STALE")
    func removedDirectory() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        try await session.run(.putFH(directory), .remove("inner"))
        #expect(try await session.compound(.putFH(inner), .getAttr([.type])).status == .stale)
        #expect(try await session.compound(.putFH(inner), .create(.directory, "below")).status == .stale)
    }

    @Test("a handle follows its file through renames")
    func renamedFile() async throws {
        let (session, directory) = try await newDirectory()
        let inner = try await session.makeDirectory(directory, "inner")
        let file = try await session.makeFile(directory, "file", [1, 2, 3])
        try await session.run(.putFH(directory), .saveFH, .putFH(inner), .rename("file", to: "moved"))
        #expect(try await session.read(file) == [1, 2, 3])
        #expect(try await session.lookup(inner, "moved") == file)
    }
}
