import ConformanceRecord
import Dispatch
import NFSProtocol
import NFSServer
import NFSTestClient
import NFSTestServer
import Testing

@Suite("A device that makes a WRITE wait", .covers(.write))
struct SlowDeviceTests {
    /// Two clients, each with a file of its own. A write of the first at 1 MiB waits for `end`.
    private struct Scene {
        let end = DispatchSemaphore(value: 0)
        let cache: VolatileCache
        let server: InProcessServer
        let slow: TestSession
        let quick: TestSession
        let file: OpenedFile
        let other: OpenedFile

        init(isLost: @escaping @Sendable (_ flush: Int) -> Bool = { _ in false }) async throws {
            cache = VolatileCache(stall: (offset: 1 << 20, end: end), isLost: isLost)
            let device = FailingDevice(try memoryFiles(), cache: cache)
            server = await InProcessServer.start([NameSpace.Entry(pseudoPath: "/export", fileSystem: device)])
            slow = try await server.session()
            quick = try await server.session()
            file = try await slow.open(slow.lookup("/export"), "file")
            other = try await quick.open(quick.lookup("/export"), "other")
        }
    }

    @Test("holds up nobody else, neither those behind it nor those whose WRITE was done before")
    func others() async throws {
        let scene = try await Scene()
        let (slow, quick, file, other) = (scene.slow, scene.quick, scene.file, scene.other)
        async let stalled = slow.run(.putFH(file.handle), .write(file.stateID, offset: 1 << 20, [1]))
        for byte in UInt8(1)...100 { try await quick.run(.putFH(other.handle), .write(other.stateID, [byte])) }
        #expect(try await quick.read(other.handle) == [100])
        scene.end.signal()
        #expect(try await stalled.wrote.count == 1)
    }

    @Test("to stable storage until after another flush has failed: it is DELAY, for that flush may have been told of the loss of its data")
    func failedMeanwhile() async throws {
        let scene = try await Scene { $0 == 1 }
        let (slow, quick, file, other) = (scene.slow, scene.quick, scene.file, scene.other)
        async let stalled = slow.compound(.putFH(file.handle), .write(file.stateID, offset: 1 << 20, [1], .fileSync))
        while !scene.cache.isStalled { try await Task.sleep(for: .milliseconds(1)) }
        let failed = try await quick.compound(.putFH(other.handle), .write(other.stateID, [1], .fileSync))
        scene.end.signal()
        #expect(failed.status == .io)
        #expect(try await stalled.status == .delay)
        // Sent again it is as good as any.
        #expect(try await slow.run(.putFH(file.handle), .write(file.stateID, offset: 0, [1], .fileSync)).wrote.count == 1)
    }
}
