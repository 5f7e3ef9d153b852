import Foundation
import Hummingbird
import Logging
import ServiceLifecycle

/// What is forgotten without anybody naming it.
package struct GarbageCollection: Codable, Sendable {
    /// In hours: no grace period takes as long, and hosts are marked as seen more often.
    static let minimumAge = 2

    /// Versions that were opened longer ago than this and never put in force; none when missing.
    package var pendingHours: Int?
    /// Hosts of which nothing was heard for longer; none when missing.
    package var unseenHours: Int?

    package init(pendingHours: Int? = nil, unseenHours: Int? = nil) {
        self.pendingHours = pendingHours
        self.unseenHours = unseenHours
    }

    /// What was forgotten.
    struct Outcome: ResponseCodable {
        var pendingVersions = 0
        var hosts = 0
    }

    /// Throws ``RecoveryError/malformed(_:)`` for an age that would take what is in use.
    package func validate() throws(RecoveryError) {
        for age in [pendingHours, unseenHours].compactMap(\.self) where !(Self.minimumAge...1_000_000).contains(age) {
            throw .malformed("what is forgotten is at least \(Self.minimumAge) hours old, and at most 1000000")
        }
    }

    func run(on store: any HostRegistry) async throws(RecoveryError) -> Outcome {
        try validate()
        var outcome = Outcome()
        if let pendingHours { outcome.pendingVersions = try await store.forgetPendingVersions(openedBefore: Self.time(pendingHours)) }
        if let unseenHours { outcome.hosts = try await store.forgetHosts(unseenSince: Self.time(unseenHours)) }
        return outcome
    }

    private static func time(_ hours: Int) -> Date { .now - TimeInterval(hours) * 3600 }
}

/// Collects once an hour; first an hour after the start, when each server that lives has been heard of again.
package struct RepeatedGarbageCollection: Service {
    let collection: GarbageCollection
    let store: any HostRegistry
    let logger: Logger

    package init(_ collection: GarbageCollection, on store: any HostRegistry, logger: Logger) {
        self.collection = collection
        self.store = store
        self.logger = logger
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            // Cancelled at the end.
            while (try? await Task.sleep(for: .seconds(3600))) != nil {
                do {
                    let outcome = try await collection.run(on: store)
                    if outcome.pendingVersions + outcome.hosts > 0 {
                        logger.notice("forgot \(outcome.pendingVersions) versions never put in force and \(outcome.hosts) hosts not seen")
                    }
                } catch {
                    logger.error("cannot collect garbage: \(error)")
                }
            }
        }
    }
}
