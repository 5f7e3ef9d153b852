import ConformanceRecord
import Dispatch
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("A device that makes a WRITE wait", .covers(.write))
struct SlowDeviceTests {
    @Test("holds up nobody else, neither those behind it nor those whose WRITE was done before")
    func others() async throws {
        let end = DispatchSemaphore(value: 0)
        let device = FailingDevice(try memoryFiles(), cache: VolatileCache(stall: (offset: 1 << 20, end: end)))
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
        let (slow, quick) = (try await server.session(), try await server.session())
        let file = try await slow.open(slow.lookup("/export"), "file")
        let other = try await quick.open(quick.lookup("/export"), "other")
        async let stalled = slow.run(.putFH(file.handle), .write(file.stateID, offset: 1 << 20, [1]))
        for byte in UInt8(1)...100 { try await quick.run(.putFH(other.handle), .write(other.stateID, [byte])) }
        #expect(try await quick.read(other.handle) == [100])
        end.signal()
        #expect(try await stalled.wrote.count == 1)
    }

    @Test("to stable storage until after another flush has failed: it is DELAY, for that flush may have been told of the loss of its data")
    func failedMeanwhile() async throws {
        let end = DispatchSemaphore(value: 0)
        let cache = VolatileCache(stall: (offset: 1 << 20, end: end)) { $0 == 1 }
        let device = FailingDevice(try memoryFiles(), cache: cache)
        let server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
        let (slow, quick) = (try await server.session(), try await server.session())
        let file = try await slow.open(slow.lookup("/export"), "file")
        let other = try await quick.open(quick.lookup("/export"), "other")
        async let stalled = slow.compound(.putFH(file.handle), .write(file.stateID, offset: 1 << 20, [1], .fileSync))
        while !cache.isStalled { try await Task.sleep(for: .milliseconds(1)) }
        let failed = try await quick.compound(.putFH(other.handle), .write(other.stateID, [1], .fileSync))
        end.signal()
        #expect(failed.status == .io)
        #expect(try await stalled.status == .delay)
        // Sent again it is as good as any.
        #expect(try await slow.run(.putFH(file.handle), .write(file.stateID, offset: 0, [1], .fileSync)).wrote.count == 1)
    }
}
