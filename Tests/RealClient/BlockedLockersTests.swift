import Foundation
import Testing

extension RealClient.TwoClients {
    /// Linux asks again by itself after 1 s, 2 s, 4 s and so on: here it is the server that calls it.
    private static let longestWait = Duration.seconds(3)

    @Test("those who wait for a lock on both machines get it one after the other", arguments: ["flock:exclusive", "posix:exclusive:7:9"])
    func blockedLockers(lock: String) async throws {
        let path = "/mnt/vol/blocked-\(UUID().uuidString)"
        var holder = try RepeatedJob(on: a, "hold-locks \(path) \(lock)")
        try await goOn([holder], within: .seconds(10))
        var waiting = try [a, b].map { try RepeatedJob(on: $0, "hold-locks \(path) \(lock) --wait") }
        while !waiting.isEmpty {
            // Steps of a tenth of a second, in which those who wait are refused.
            for _ in 0..<20 { try await goOn([holder], within: .seconds(10)) }
            #expect(waiting.allSatisfy { $0.journalSize == 0 })
            try await holder.stop()
            let wait = try await eventually("one of \(waiting.map(\.name)) gets the lock", within: Self.longestWait) {
                waiting.contains { $0.journalSize > 0 }
            }
            let next = try #require(waiting.first { $0.journalSize > 0 })
            print("\(next.name) has \(lock) \(wait) after it was free")
            waiting.removeAll { $0.name == next.name }
            holder = next
        }
        try await holder.stop()
    }
}
