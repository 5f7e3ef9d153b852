import Dispatch
import Glibc
import RPC
import Synchronization
import Testing
import Transport

/// Work that a connection undertakes: the loop's own thread does it, and should it wait, another goes on with the loop.
@Suite struct BriefWorkTests {
    /// Does requests as brief work: one that begins with 1 waits until `letGo`, one that begins with 2 computes until then.
    private final class Scene: Sendable {
        let gate = DispatchSemaphore(value: 0)
        let isOver = Atomic<Bool>(false)
        /// Threads that did work, and those that received the requests.
        let threads = Mutex((worked: Set<UInt>(), received: Set<UInt>()))
        /// Requests that no connection undertook.
        let refused = Atomic<Int>(0)
        let begun = Atomic<Int>(0)

        func server() throws -> Server {
            try Server(.with { $0.loops = 1 }) { record, connection, pool in
                self.threads.withLock { _ = $0.received.insert(UInt(pthread_self())) }
                let isTaken = connection.undertake {
                    self.threads.withLock { _ = $0.worked.insert(UInt(pthread_self())) }
                    self.begun.add(1, ordering: .relaxed)
                    switch record.copy.first {
                    case 1: self.gate.wait()
                    case 2: while !self.isOver.load(ordering: .relaxed) {}
                    default: break
                    }
                    return { connection.send(record.copy, from: pool) }
                }
                guard !isTaken else { return }
                self.refused.add(1, ordering: .relaxed)
                connection.send(record.copy, from: pool)
            }
        }

        func letGo() {
            gate.signal()
            isOver.store(true, ordering: .relaxed)
        }
    }

    @Test("the loop's own thread does it, and the replies come in the order of the requests")
    func ownThread() throws {
        let scene = Scene()
        let server = try scene.server()
        let client = try Client(server.address)
        try client.send((UInt8(10)..<110).flatMap { framed([$0]) })
        for number in UInt8(10)..<110 { #expect(try client.receiveRecord() == [number]) }
        let threads = scene.threads.withLock { $0 }
        #expect(threads.worked == threads.received && threads.worked.count == 1)
        #expect(scene.refused.load(ordering: .relaxed) == 0 && server.service.takenOver == 0)
    }

    @Test(
        "a piece that waits, or computes for long, holds up nobody: not those behind it, nor other connections",
        arguments: [1, 2] as [UInt8])
    func waitingPiece(_ kind: UInt8) throws {
        let scene = Scene()
        let server = try scene.server()
        let slow = try Client(server.address)
        let other = try Client(server.address)
        // In one write, so that they are received in one batch.
        try slow.send(framed([kind]) + framed([10]) + framed([11]))
        let behind = [try slow.receiveRecord(), try slow.receiveRecord()]
        #expect(Set(behind) == [[10], [11]])
        #expect(server.service.takenOver == 2)
        for number in UInt8(20)..<40 {
            try other.send(framed([number]))
            #expect(try other.receiveRecord() == [number])
        }
        // As long as one waits, the service's threads get such work at once.
        #expect(scene.refused.load(ordering: .relaxed) == 20)
        scene.letGo()
        #expect(try slow.receiveRecord() == [kind])
    }

    @Test("a second after one waited the loop's thread does such work again, and may lose the loop again")
    func again() throws {
        let scene = Scene()
        let server = try scene.server()
        let client = try Client(server.address)
        for _ in 0..<2 {
            let before = scene.begun.load(ordering: .relaxed)
            try client.send(framed([1]))
            eventually("it is begun") { scene.begun.load(ordering: .relaxed) == before + 1 }
            scene.letGo()
            #expect(try client.receiveRecord() == [1])
            let done = scene.begun.load(ordering: .relaxed)
            eventually("work is undertaken again") {
                guard (try? client.send(framed([9]))) != nil, (try? client.receiveRecord()) == [9] else { return false }
                return scene.begun.load(ordering: .relaxed) > done
            }
        }
    }

    @Test("a transport drains while a piece waits, and its reply comes as long as there is time")
    func draining() throws {
        let scene = Scene()
        let server = try scene.server()
        let client = try Client(server.address)
        try client.send(framed([1]))
        eventually("it is begun") { scene.begun.load(ordering: .relaxed) == 1 }
        let drained = DispatchSemaphore(value: 0)
        let transport = server.transport
        DispatchQueue.global().async {
            transport.drain(within: .seconds(20))
            drained.signal()
        }
        #expect(throws: ClientError.self) { while true { _ = try Client(server.address) } }
        scene.letGo()
        #expect(try client.receiveRecord() == [1])
        #expect(try client.receiveRecord() == nil)
        client.finishSending()
        #expect(drained.wait(timeout: .now() + 20) == .success)
    }

    @Test("a transport whose time to drain is over ends while a piece waits for ever")
    func drainingCutOff() throws {
        let scene = Scene()
        do {
            let server = try scene.server()
            let client = try Client(server.address)
            try client.send(framed([1]))
            eventually("it is begun") { scene.begun.load(ordering: .relaxed) == 1 }
            server.transport.drain(within: .milliseconds(50))
            #expect(try client.receiveRecord() == nil)
        }
        scene.letGo()
    }
}
