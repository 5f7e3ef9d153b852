import Dispatch
import Glibc
import LocalFileSystem
import NFSProtocol
import Synchronization
import Testing

@Suite("Flushes that are shared") struct FlushesTests {
    private struct Count {
        var begun = 0
        var ended = 0
    }

    private static let file = FileHandle([1, 2, 3].span.bytes)!

    @Test("one at a time, and each counts for those alone who asked before it began")
    func counts() {
        let flushes = Flushes()
        let count = Mutex(Count())
        DispatchQueue.concurrentPerform(iterations: 16) { _ in
            for _ in 0..<50 {
                let begunBefore = count.withLock { $0.begun }
                try? flushes.flush(Self.file) { () throws(NFSStatus) in
                    count.withLock {
                        #expect($0.begun == $0.ended)
                        $0.begun += 1
                    }
                    usleep(20)
                    count.withLock { $0.ended += 1 }
                }
                #expect(count.withLock { $0.ended } > begunBefore)
            }
        }
        #expect(count.withLock { $0.ended } <= 16 * 50)
    }

    @Test("that fail do so for who asked, and the next one is another")
    func failure() {
        let flushes = Flushes()
        #expect(throws: NFSStatus.io) { try flushes.flush(Self.file) { () throws(NFSStatus) in throw .io } }
        #expect(throws: Never.self) { try flushes.flush(Self.file) {} }
    }
}
