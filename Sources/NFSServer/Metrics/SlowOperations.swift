import Logging
import NFSProtocol
import NFSState
import Synchronization

/// Tells the log of requests that took long, and of locks that clients ask for in vain for long. One line in a second at most.
final class SlowOperations: Sendable {
    /// How long something takes at least to be told.
    let nanoseconds: UInt64
    private let log: Logger
    private let throttle = Mutex(Throttle())
    private let waits = Mutex([Wait.Key: Wait]())
    /// Whether there are any waits, for those who end them.
    private let hasWaits = Atomic(false)

    private static let interval: UInt64 = 1_000_000_000
    /// Clients ask again after less, as long as they want the lock.
    private static let patience: UInt64 = 60_000_000_000
    private static let maximumWaits = 1024

    private struct Throttle {
        var quietUntil: UInt64 = 0
        var suppressed = 0
    }

    /// A client that asks for a lock again and again.
    private struct Wait {
        struct Key: Hashable {
            let client: ClientID
            let file: FileHandle
            let range: ByteRange
        }

        let since: MonotonicTime
        var asked: MonotonicTime
        var quietUntil: UInt64
    }

    /// - Parameter seconds: 0 to tell nothing.
    init(seconds: UInt32, log: Logger) {
        nanoseconds = seconds == 0 ? .max : UInt64(seconds) * 1_000_000_000
        self.log = log
    }

    /// A request is answered that took at least `nanoseconds`.
    func answered(_ compound: Compound, after nanoseconds: UInt64, now: MonotonicTime) {
        // Whoever comes in the grace period is held on purpose.
        guard compound.status != .grace, let suppressed = admit(now) else { return }
        var metadata = metadata(compound, suppressed)
        metadata["operation"] = "\(compound.subject.name)"
        metadata["status"] = "\(compound.status.name)"
        metadata["seconds"] = Self.seconds(nanoseconds)
        log.warning("slow operation", metadata: metadata)
    }

    /// A lock was denied.
    func denied(_ range: ByteRange, of file: FileHandle, by denial: LockDenied, to client: Client, in compound: Compound) {
        guard nanoseconds != .max else { return }
        let now = compound.now
        let key = Wait.Key(client: client.id, file: file, range: range)
        let waited = waits.withLock { waits -> UInt64? in
            if waits.count >= Self.maximumWaits {
                waits = waits.filter { now.nanoseconds &- $0.value.asked.nanoseconds < Self.patience }
            }
            guard waits[key] != nil || waits.count < Self.maximumWaits else { return nil }
            var wait = waits[key] ?? Wait(since: now, asked: now, quietUntil: now.nanoseconds &+ nanoseconds)
            if now.nanoseconds &- wait.asked.nanoseconds >= Self.patience {
                wait = Wait(since: now, asked: now, quietUntil: now.nanoseconds &+ nanoseconds)
            }
            wait.asked = now
            defer { waits[key] = wait }
            hasWaits.store(true, ordering: .relaxed)
            guard now.nanoseconds >= wait.quietUntil else { return nil }
            wait.quietUntil = now.nanoseconds &+ Self.patience
            return now.nanoseconds &- wait.since.nanoseconds
        }
        guard let waited, let suppressed = admit(now) else { return }
        var metadata = metadata(compound, suppressed)
        metadata["seconds"] = Self.seconds(waited)
        metadata["range"] = "\(range.offset)+\(range.length == .max ? "end" : "\(range.length)")"
        metadata["holder"] = "\(ClientName(denial.client.owner))"
        metadata["holder-address"] = "\(denial.client.address)"
        log.warning("a client waits for a lock", metadata: metadata)
    }

    /// A lock was granted.
    func granted(_ range: ByteRange, of file: FileHandle, to client: Client) {
        guard hasWaits.load(ordering: .relaxed) else { return }
        waits.withLock { waits in
            waits[Wait.Key(client: client.id, file: file, range: range)] = nil
            if waits.isEmpty { hasWaits.store(false, ordering: .relaxed) }
        }
    }

    /// How many lines were left out since the last one, or nil when this one is to be left out too.
    private func admit(_ now: MonotonicTime) -> Int? {
        throttle.withLock { throttle in
            guard now.nanoseconds >= throttle.quietUntil else {
                throttle.suppressed += 1
                return nil
            }
            defer { throttle = Throttle(quietUntil: now.nanoseconds &+ Self.interval) }
            return throttle.suppressed
        }
    }

    private func metadata(_ compound: Compound, _ suppressed: Int) -> Logger.Metadata {
        var metadata: Logger.Metadata = ["address": "\(compound.connection.peer)"]
        if let client = compound.session?.client { metadata["client"] = "\(ClientName(client.owner))" }
        if let file = compound.currentFile {
            metadata["export"] = "\(file.export.pseudoPath)"
            metadata["file"] = "\(file.node.knownPath ?? Self.text(file.wireHandle))"
        }
        if suppressed > 0 { metadata["others-not-told"] = "\(suppressed)" }
        return metadata
    }

    private static func text(_ handle: FileHandle) -> String {
        (0..<handle.count).map { (handle[$0] < 16 ? "0" : "") + String(handle[$0], radix: 16) }.joined()
    }

    private static func seconds(_ nanoseconds: UInt64) -> Logger.MetadataValue { "\(Double(nanoseconds / 10_000_000) / 100)" }
}
