import CLinux
import Glibc
import Logging
import RPC
import Synchronization
import XDR

/// Carries the records of TCP connections (RFC 5531 §11) between clients and a service: a few threads, each with its
/// connections, which run a request to its end.
package final class Transport: Sendable {
    package struct Configuration: Sendable {
        /// Threads, and loops of events. Each connection lives on one.
        package var loops: Int
        /// Longest record taken, in bytes without marks; who sends a longer one loses its connection.
        package var maximumRecord = 1024 * 1024 + 64 * 1024
        /// Connections above this number are closed as soon as they are there.
        package var maximumConnections = 8192
        /// Bytes of pooled buffers in use, by whomever, above which no request is received into another buffer.
        package var memoryLimit = 512 * 1024 * 1024
        /// Bytes of buffers with unsent replies of a connection at which nothing more is received from it, and at which it is
        /// again.
        package var highWater = 4 * 1024 * 1024
        package var lowWater = 1024 * 1024
        /// How long a client may let its replies lie unread.
        package var sendTimeout = Duration.seconds(60)
        /// How long a client may pause within a record.
        package var receiveTimeout = Duration.seconds(60)

        package init(loops: Int = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))) { self.loops = loops }
    }

    private struct State {
        var running: [EventLoop] = []
        var watch: LoopWatch?
        var isStarted = false
        var addresses: [PeerAddress] = []
    }

    private let loops: [EventLoop]
    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter pool: where requests are received into; what is sent returns there.
    package init(
        configuration: Configuration, pool: BufferPool, service: any RPCService, log: Logger
    ) throws(TransportError) {
        var loops: [EventLoop] = []
        for _ in 0..<max(1, configuration.loops) {
            loops.append(try EventLoop(configuration: configuration, pool: pool, service: service, log: log))
        }
        self.loops = loops
        limit = configuration.maximumConnections
    }

    /// Listens on `address` and returns it with the port the kernel chose when it was 0. `[::]` takes IPv4 too, unless
    /// 0.0.0.0 has the port already. Connections are served from `run` on.
    @discardableResult
    package func listen(on address: PeerAddress) throws(TransportError) -> PeerAddress {
        let isTaken = state.withLock { $0.addresses.contains { $0.address.count == 4 && $0.port == address.port } }
        var wanted = address.socketAddress
        let descriptor = clinux_listen(&wanted, isTaken || address.address.contains { $0 != 0 }, 1024)
        guard descriptor >= 0 else { throw .listening(on: address, -descriptor) }
        var bound = clinux_address()
        clinux_local_address(descriptor, &bound)
        let actual = PeerAddress(address: address.address, port: bound.port)
        state.withLock { $0.addresses.append(actual) }
        loops[0].post(.listen(Listener(descriptor: descriptor, address: actual, loops: loops, limit: limit)))
        return actual
    }

    /// Starts the threads and returns.
    package func run() throws(TransportError) {
        let isFirst = state.withLock { state in
            defer { state.isStarted = true }
            return !state.isStarted
        }
        precondition(isFirst, "a transport runs once")
        let watch = LoopWatch(loops)
        try watch.start()
        state.withLock { $0.watch = watch }
        for loop in loops {
            loop.briefWork.watch = watch
            try loop.start()
            state.withLock { $0.running.append(loop) }
        }
    }

    /// Closes the listening sockets; connections go on.
    package func stopAccepting() { loops[0].post(.stopAccepting) }

    /// Ends everything: receives nothing more, lets the service answer what it has, sends that and closes. What is not done
    /// within `time` is cut off. Returns when all loops have; must not be called on one of them.
    package func drain(within time: Duration) {
        let deadline = MonotonicTime.now() + time.nanoseconds
        stopAccepting()
        loops.forEach { $0.post(.drain(deadline: deadline)) }
        let (running, watch, isStarted) = state.withLock { state in
            defer { (state.running, state.watch, state.isStarted) = ([], nil, true) }
            return (state.running, state.watch, state.isStarted)
        }
        // Without threads the loops have at least their listening sockets to close.
        if !isStarted { loops.forEach { $0.run() } }
        for loop in running { loop.waitForEnd() }
        watch?.end()
    }
}
