import NFSState

/// What operations came to since the server started.
package struct OperationFigures: Sendable {
    package struct Outcome: Sendable {
        package let operation: String
        package let status: String
        package let count: UInt64

        package init(operation: String, status: String, count: UInt64) {
            self.operation = operation
            self.status = status
            self.count = count
        }
    }

    package struct Requests: Sendable {
        package let operation: String
        package let durations: DurationHistogram

        package init(operation: String, durations: DurationHistogram) {
            self.operation = operation
            self.durations = durations
        }
    }

    /// Those that occurred.
    package var outcomes: [Outcome]
    /// From the arrival of a request to its reply, by the operation the request is about.
    package var requests: [Requests]
    /// How long it took to bring a file to stable storage.
    package var flushes: DurationHistogram
    package var bytesRead: UInt64
    package var bytesWritten: UInt64

    package init(
        outcomes: [Outcome] = [], requests: [Requests] = [], flushes: DurationHistogram, bytesRead: UInt64, bytesWritten: UInt64
    ) {
        self.outcomes = outcomes
        self.requests = requests
        self.flushes = flushes
        self.bytesRead = bytesRead
        self.bytesWritten = bytesWritten
    }
}

/// What the server is busy with, in numbers.
package struct ServerFigures: Sendable {
    package var operations: OperationFigures
    package var sessions: Int
    /// Slots on which a request is under way.
    package var slotsInUse: Int
    /// Pieces of work that wait for a thread, by what the thread may do.
    package var queued: [(threads: String, count: Int)]
    /// Bytes of buffers that requests and replies are in, and of those kept for the next.
    package var buffersInUse: Int
    package var buffersIdle: Int

    package init(
        operations: OperationFigures, sessions: Int, slotsInUse: Int, queued: [(threads: String, count: Int)], buffersInUse: Int,
        buffersIdle: Int
    ) {
        self.operations = operations
        self.sessions = sessions
        self.slotsInUse = slotsInUse
        self.queued = queued
        self.buffersInUse = buffersInUse
        self.buffersIdle = buffersIdle
    }
}

extension NFSServer {
    package func figures() -> ServerFigures {
        let sessions = sessions.all
        return ServerFigures(
            operations: counters.figures, sessions: sessions.count, slotsInUse: sessions.reduce(0) { $0 + $1.slotsInUse },
            queued: [("disk", workers.queued), ("brief", briefWorkers.queued), ("continuation", continuations.queued)],
            buffersInUse: pool.lentBytes, buffersIdle: pool.idleBytes)
    }
}
