import NFSDaemon
import Testing

@Suite("The users and groups of the machine")
struct SystemNameServiceTests {
    private let service = SystemNameService()

    @Test("the superuser has a name and a number")
    func superuser() throws {
        #expect(service.name(of: 0, .user) == "root")
        #expect(service.name(of: 0, .group) == "root")
        #expect(try service.id(named: "root", .user) == 0)
        #expect(try service.id(named: "root", .group) == 0)
    }

    @Test("who is not there has neither")
    func nobody() throws {
        #expect(service.name(of: 4_000_000_000, .user) == nil)
        #expect(service.name(of: 4_000_000_000, .group) == nil)
        #expect(try service.id(named: "nobody of this name", .user) == nil)
        #expect(try service.id(named: "nobody of this name", .group) == nil)
    }
}
