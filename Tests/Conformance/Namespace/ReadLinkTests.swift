import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "READLINK (RFC 8881 §18.24)",
    .covers(
        .readLink,
        never: [
            .access: "reading a symbolic link takes no right beyond that to find it",
            .inval: "NFSv4.1 says WRONG_TYPE instead (§18.24.4)",
        ]))
struct ReadLinkTests {
    @Test("it gives the target and leaves the current filehandle")
    func target() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .create(.symlink(to: "../there"), "link"), .readLink, .getAttr([.type]))
        #expect(try reply.link == Array("../there".utf8))
        #expect(try reply.attributes.type == .symlink)
    }

    @Test("of anything but a symbolic link it is WRONG_TYPE (§18.24.4)")
    func notLink() async throws {
        let (session, directory) = try await newDirectory()
        let file = try await session.makeFile(directory, "file")
        let fifo = try await session.run(.putFH(directory), .create(.fifo, "fifo"), .getFH).fileHandle
        for handle in [file, directory, fifo] {
            #expect(try await session.compound(.putFH(handle), .readLink).outcome == Outcome(.readLink, .wrongType))
        }
    }

    @Test("the size of a symbolic link is the length of its target (§5.8.1.5)")
    func size() async throws {
        let (session, directory) = try await newDirectory()
        let reply = try await session.run(.putFH(directory), .create(.symlink(to: "target"), "link"), .getAttr([.size]))
        #expect(try reply.attributes.size == 6)
    }
}
