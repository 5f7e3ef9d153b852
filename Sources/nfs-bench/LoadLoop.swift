import Glibc
import NFSTestClient

/// Keeps the slots of all connections busy, in one thread.
struct LoadLoop {
    private let connections: [LoadConnection]
    private var waiting: [pollfd]
    private var outstanding = 0
    private var delayed = 0
    private var phase = Phase.idle

    private enum Phase {
        case idle
        /// Operations begin until then.
        case running(until: UInt64)
        /// One COMMIT on each connection.
        case committing
    }

    /// Of operations that ended while `isRecording`.
    private(set) var durations = Histogram()
    private var isRecording = false

    private static let silence: UInt64 = 30_000_000_000
    private static let patience: UInt64 = 2_000_000

    init(_ connections: [LoadConnection]) {
        self.connections = connections
        waiting = connections.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    }

    /// Runs operations for some time, and to their end those that have begun.
    /// - Parameter commits: whether what was written is committed then.
    mutating func run(seconds: Double, commits: Bool, isRecording: Bool) throws(LoadFailure) {
        self.isRecording = isRecording
        let now = nanoseconds(CLOCK_MONOTONIC)
        phase = .running(until: now + UInt64(seconds * 1e9))
        for connection in connections {
            for index in connection.slots.indices { try begin(connection.slots.baseAddress! + index, connection, now) }
            try connection.flush()
        }
        try untilQuiet()
        guard commits else { return }
        phase = .committing
        for connection in connections {
            let slot = connection.slots.baseAddress!
            connection.script.commit(slot)
            connection.enqueue(slot)
            outstanding += 1
            try connection.flush()
        }
        try untilQuiet()
    }

    private mutating func begin(
        _ slot: UnsafeMutablePointer<Slot>, _ connection: LoadConnection, _ now: UInt64
    ) throws(LoadFailure) {
        guard case .running(let end) = phase, now < end else { return }
        slot.pointee.begun = now
        try connection.script.begin(slot)
        connection.enqueue(slot)
        outstanding += 1
    }

    private mutating func untilQuiet() throws(LoadFailure) {
        let begun = nanoseconds(CLOCK_MONOTONIC)
        for connection in connections { connection.lastReceived = begun }
        while outstanding > 0 {
            for index in connections.indices {
                waiting[index].events = Int16(connections[index].hasToSend ? POLLIN | POLLOUT : POLLIN)
            }
            let ready = poll(&waiting, nfds_t(waiting.count), delayed > 0 ? 2 : 1000)
            for index in connections.indices where ready > 0 && waiting[index].revents != 0 {
                try serve(connections[index], waiting[index].revents)
            }
            if delayed > 0 { try sendDelayed() }
            if ready == 0 { try checkProgress() }
        }
    }

    private mutating func serve(_ connection: LoadConnection, _ events: Int16) throws(LoadFailure) {
        if events & Int16(POLLOUT) != 0 { try connection.flush() }
        guard events & ~Int16(POLLOUT) != 0 else { return }
        try connection.receive { (slot, now, reply) throws(LoadFailure) in
            outstanding -= 1
            try answered(slot, connection, now, &reply)
        }
    }

    private mutating func answered(
        _ slot: UnsafeMutablePointer<Slot>, _ connection: LoadConnection, _ now: UInt64, _ reply: inout ReplyReader
    ) throws(LoadFailure) {
        if slot.pointee.sequencePlace > 0, try !succeeded(slot, &reply) {
            // Asked again a little later.
            slot.pointee.retry = now + Self.patience
            delayed += 1
            outstanding += 1
            return
        }
        guard try connection.script.isDone(slot, &reply) else {
            connection.enqueue(slot)
            outstanding += 1
            return
        }
        guard case .running = phase else { return }
        if isRecording { durations.add(now - slot.pointee.begun) }
        try begin(slot, connection, now)
    }

    /// Goes through COMPOUND4res to behind the result of SEQUENCE; false when the server asks for patience.
    private func succeeded(_ slot: UnsafeMutablePointer<Slot>, _ reply: inout ReplyReader) throws(LoadFailure) -> Bool {
        let status = try reply.uint32()
        try reply.skipOpaque()
        let results = try reply.uint32()
        guard results > 0, try reply.uint32() == OperationCode.sequence.rawValue else { throw .status(slot.pointee.step, status) }
        guard try reply.uint32() == 0 else { throw .status(slot.pointee.step, status) }
        try reply.skip(16)
        let sequence = try reply.uint32()
        guard sequence == slot.pointee.sequence &+ 1, try reply.uint32() == slot.pointee.number else {
            throw .reply("it belongs to another request of the session")
        }
        slot.pointee.sequence = sequence
        try reply.skip(12)
        switch status {
        case 0: return true
        case Status.delay.rawValue, Status.grace.rawValue: return false
        default: throw .status(slot.pointee.step, status)
        }
    }

    private mutating func sendDelayed() throws(LoadFailure) {
        let now = nanoseconds(CLOCK_MONOTONIC)
        for connection in connections {
            for index in connection.slots.indices {
                let slot = connection.slots.baseAddress! + index
                guard slot.pointee.retry > 0, slot.pointee.retry <= now else { continue }
                slot.pointee.retry = 0
                delayed -= 1
                connection.enqueue(slot)
            }
            try connection.flush()
        }
    }

    private func checkProgress() throws(LoadFailure) {
        let now = nanoseconds(CLOCK_MONOTONIC)
        for connection in connections where now - connection.lastReceived > Self.silence {
            guard connection.slots.contains(where: \.isAwaited) else { continue }
            throw LoadFailure("the server has not answered a request for 30 seconds")
        }
    }
}
