import CLinux
import Glibc
import NFSProtocol
import Synchronization

/// Counts what operations come to, and how long requests take: a few additions for each, no allocation, no lock, and no memory that
/// threads on different processors write to all the time. Threads add to numbers of their own, or of few.
struct OperationCounters: ~Copyable, @unchecked Sendable {
    private static var shardCount: Int { 16 }
    /// The numbers of all shards. Memory is taken where something was counted.
    private let numbers: UnsafeMutablePointer<Atomic<UInt64>>

    init() {
        // Zeroed, and left untouched until a number is used; an atomic word has the form of the word.
        let memory = calloc(Self.shardCount * Shard.size, MemoryLayout<UInt64>.stride)
        precondition(memory != nil, "the system has no memory left for counters: raise the memory limit")
        numbers = memory!.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    deinit { free(numbers) }

    /// The numbers of the calling thread.
    var own: Shard { shard(Int(clinux_thread_ordinal()) & (Self.shardCount - 1)) }

    private func shard(_ index: Int) -> Shard { Shard(numbers: numbers + index * Shard.size) }

    /// The numbers threads add to.
    struct Shard {
        // Computed, as that costs nothing: what is stored is asked for at each use whether it was made.
        /// Operations by number, 0 for one that none has, and outcomes of each.
        fileprivate static var operations: Int { 64 }
        fileprivate static var statuses: Int { 160 }
        /// Where the times of requests stand, by operation; those of flushes; bytes read and written.
        fileprivate static var requests: Int { operations * statuses }
        fileprivate static var flushes: Int { requests + operations * DurationHistogram.size }
        fileprivate static var bytesRead: Int { flushes + DurationHistogram.size }
        fileprivate static var bytesWritten: Int { bytesRead + 1 }
        /// A multiple of a page.
        fileprivate static var size: Int { (bytesWritten + 512) & ~511 }

        fileprivate let numbers: UnsafeMutablePointer<Atomic<UInt64>>

        func count(_ operation: CountedOperation, _ status: NFSStatus) {
            add(1, to: Self.place(of: operation, status))
        }

        func request(_ operation: CountedOperation, took nanoseconds: UInt64) {
            time(nanoseconds, at: Self.place(ofRequests: operation))
        }

        func flush(took nanoseconds: UInt64) { time(nanoseconds, at: Self.flushes) }
        func read(_ bytes: Int) { add(UInt64(bytes), to: Self.bytesRead) }
        func wrote(_ bytes: Int) { add(UInt64(bytes), to: Self.bytesWritten) }

        private func time(_ nanoseconds: UInt64, at place: Int) {
            add(1, to: place + DurationHistogram.bucket(of: nanoseconds))
            add(nanoseconds, to: place + DurationHistogram.sum)
        }

        private func add(_ number: UInt64, to place: Int) { numbers[place].wrappingAdd(number, ordering: .relaxed) }

        fileprivate static func place(of operation: CountedOperation, _ status: NFSStatus) -> Int {
            let number = Int(status.rawValue)
            // Without the gap in the numbers of statuses.
            return Int(operation.number) * statuses + (number < 71 ? number : (number - 10001 + 71) % statuses)
        }

        fileprivate static func place(ofRequests operation: CountedOperation) -> Int {
            requests + Int(operation.number) * DurationHistogram.size
        }
    }

    /// The sum of all shards.
    private func sum(_ place: Int) -> UInt64 {
        (0..<Self.shardCount).reduce(0) { $0 &+ shard($1).numbers[place].load(ordering: .relaxed) }
    }

    private func histogram(at place: Int) -> DurationHistogram {
        DurationHistogram(
            buckets: (0..<DurationHistogram.bucketCount).map { sum(place + $0) }, nanoseconds: sum(place + DurationHistogram.sum))
    }
}

extension OperationCounters {
    /// What was counted so far. Not of one moment: others count on.
    var figures: OperationFigures {
        var figures = OperationFigures(
            flushes: histogram(at: Shard.flushes), bytesRead: sum(Shard.bytesRead), bytesWritten: sum(Shard.bytesWritten))
        for operation in CountedOperation.all {
            for status in NFSStatus.allCases where status != .wouldBlock {
                let count = sum(Shard.place(of: operation, status))
                if count > 0 { figures.outcomes.append(.init(operation: operation.name, status: status.name, count: count)) }
            }
            let requests = histogram(at: Shard.place(ofRequests: operation))
            if requests.count > 0 { figures.requests.append(.init(operation: operation.name, durations: requests)) }
        }
        return figures
    }
}

/// An operation as it is counted: those that are none are all alike.
struct CountedOperation {
    fileprivate let number: UInt8

    static var illegal: CountedOperation { CountedOperation(number: 0) }
    static let all = [illegal] + OperationCode.allCases.map(CountedOperation.init)

    private init(number: UInt8) { self.number = number }
    init(_ code: OperationCode) { number = UInt8(truncatingIfNeeded: code.rawValue) }

    var name: String { OperationCode(rawValue: UInt32(number))?.name ?? "ILLEGAL" }

    /// Whether it stands in requests that are about something else: it opens the request, says what file is meant or asks for the
    /// attributes that clients always want.
    var accompanies: Bool {
        switch OperationCode(rawValue: UInt32(number)) {
        case .sequence, .putfh, .putrootfh, .putpubfh, .savefh, .restorefh, .getfh, .getattr: true
        default: false
        }
    }
}

extension RawRepresentable<UInt32> where Self: Sendable {
    /// As the RFC spells it, made of its spelling here: `openDowngrade` is OPEN_DOWNGRADE.
    fileprivate var spelled: String {
        var name = ""
        var isAfterSmall = false
        for letter in "\(self)" {
            if isAfterSmall, letter.isUppercase { name += "_" }
            isAfterSmall = letter.isLowercase
            name += letter.uppercased()
        }
        return name
    }
}

extension OperationCode {
    /// Its name in the RFC, such as OPEN_DOWNGRADE.
    package var name: String { spelled }
}

extension NFSStatus {
    /// Its name in the RFC without NFS4ERR_, such as STALE.
    package var name: String { spelled }
}
