import CLinux
import Dispatch
import Glibc
import Logging
import RPC
import Synchronization
import Threads
import XDR

/// Connections, and the thread that serves them: one at a time, and another only when that one waits in the middle of brief work.
///
/// Unchecked because everything but the mailbox and the atomics belongs to that thread.
final class EventLoop: @unchecked Sendable {
    let configuration: Transport.Configuration
    let pool: BufferPool
    let service: any RPCService
    let log: Logger
    let sendTimeout: Int64
    let receiveTimeout: Int64
    /// Connections that live here or are on their way.
    let population = Atomic<Int>(0)

    private let poll: Int32
    private let wakeUp: Int32
    private let mailbox = Mailbox()
    private let end = DispatchSemaphore(value: 0)
    /// The thread, except while it does brief work, in the middle of which it may lose the loop.
    let thread = Atomic<UInt>(0)
    let threadNumber = Atomic<Int32>(0)
    let briefWork: BriefWorkQueue

    /// Time at which the current round of events began.
    private(set) var now = MonotonicTime.now()
    private var connections: [Connection] = []
    private var listeners: [Listener] = []
    /// Gone in this round: the kernel may already have reported an event of theirs.
    private var departed: [EventSource] = []
    private var runnable: [Connection] = []
    private var running: [Connection] = []
    private var memoryWaiters: [Connection] = []
    private var messages: [Mailbox.Message] = []
    private var nextCheck = Int64.max
    private var drainDeadline: Int64?
    private var violations = LogThrottle()

    private static let memoryRetry: Int64 = 5_000_000

    init(configuration: Transport.Configuration, pool: BufferPool, service: any RPCService, log: Logger) throws(TransportError) {
        self.configuration = configuration
        self.pool = pool
        self.service = service
        self.log = log
        briefWork = BriefWorkQueue(service)
        sendTimeout = configuration.sendTimeout.nanoseconds
        receiveTimeout = configuration.receiveTimeout.nanoseconds
        let poll = clinux_poll_create()
        guard poll >= 0 else { throw .system("create an epoll instance", -poll) }
        let wakeUp = clinux_eventfd()
        guard wakeUp >= 0 else {
            Glibc.close(poll)
            throw .system("create an eventfd", -wakeUp)
        }
        // Edge triggered: each signal is reported once, so that nobody has to read the counter back.
        clinux_poll_add(poll, wakeUp, EPOLLIN.rawValue | EPOLLET.rawValue, nil)
        self.poll = poll
        self.wakeUp = wakeUp
    }

    deinit {
        Glibc.close(poll)
        Glibc.close(wakeUp)
    }

    /// Whether the caller runs on this loop's thread.
    var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// Asks the loop, from any thread, to do something.
    func post(_ message: Mailbox.Message) {
        if mailbox.post(message) { clinux_eventfd_signal(wakeUp) }
    }

    /// Starts a thread that serves the connections. Thereafter `waitForEnd` returns when everything is drained.
    func start() throws(TransportError) { try TransportError.requireThread(DetachedThread.start("rpc-loop") { self.run() }) }

    func waitForEnd() { end.wait() }

    /// Serves on the calling thread until everything is drained or another thread goes on.
    func run() {
        takeThread()
        threadNumber.store(clinux_thread_number(), ordering: .relaxed)
        withUnsafeTemporaryAllocation(of: clinux_event.self, capacity: 64) { events in
            while !(drainDeadline != nil && connections.isEmpty) {
                guard round(events) else { return }
            }
            listeners.forEach { $0.close() }
            departed = []
            mailbox.shut()
            briefWork.watch = nil
            end.signal()
        }
    }

    func takeThread() { thread.store(UInt(pthread_self()), ordering: .relaxed) }

    /// - Returns: whether the loop is still this thread's.
    private func round(_ events: UnsafeMutableBufferPointer<clinux_event>) -> Bool {
        let count = wait(events)
        now = MonotonicTime.now()
        for event in events.prefix(count) {
            guard let token = event.token else { continue }
            Unmanaged<EventSource>.fromOpaque(token).takeUnretainedValue().ready(event.events)
        }
        mailbox.collect(into: &messages)
        for message in messages { handle(message) }
        messages.removeAll(keepingCapacity: true)
        if !memoryWaiters.isEmpty { retryMemoryWaiters() }
        guard doBriefWork() else { return false }
        swap(&runnable, &running)
        for connection in running {
            connection.isScheduled = false
            connection.run()
        }
        running.removeAll(keepingCapacity: true)
        if now >= nextCheck { checkDeadlines() }
        departed.removeAll(keepingCapacity: true)
        return true
    }

    private func handle(_ message: Mailbox.Message) {
        switch message {
        case .send(let connection, let buffer, let count): connection.enqueue(buffer, count: count)
        case .forgetRequest(let connection): connection.forgetRequest()
        case .close(let connection): connection.beginClosing()
        case .adopt(let connection): adopt(connection)
        case .listen(let listener): adopt(listener)
        case .stopAccepting:
            listeners.forEach { $0.close() }
            departed += listeners
            listeners = []
        case .drain(let deadline):
            drainDeadline = min(deadline, drainDeadline ?? .max)
            nextCheck = min(nextCheck, deadline)
            for connection in connections { connection.beginFinishing() }
        }
    }
}

// MARK: Waiting

extension EventLoop {
    private func wait(_ events: UnsafeMutableBufferPointer<clinux_event>) -> Int {
        guard runnable.isEmpty, briefWork.isEmpty else { return poll(events, milliseconds: 0) }
        guard mailbox.prepareToSleep() else { return poll(events, milliseconds: 0) }
        return poll(events, milliseconds: sleepMilliseconds)
    }

    private func poll(_ events: UnsafeMutableBufferPointer<clinux_event>, milliseconds: Int32) -> Int {
        max(0, Int(clinux_poll_wait(poll, events.baseAddress, Int32(events.count), milliseconds)))
    }

    private var sleepMilliseconds: Int32 {
        var wake = nextCheck
        if !memoryWaiters.isEmpty { wake = min(wake, now + Self.memoryRetry) }
        guard wake != .max else { return -1 }
        return Int32(clamping: max(0, wake - MonotonicTime.now() + 999_999) / 1_000_000)
    }

    /// Wakes the loop at `deadline` to look at all deadlines. They are far away and mostly met, so that one look at all
    /// connections now and then costs less than an ordered list of them.
    func check(at deadline: Int64) { nextCheck = min(nextCheck, deadline) }

    private func checkDeadlines() {
        nextCheck = drainDeadline ?? .max
        if let drainDeadline, drainDeadline <= now {
            nextCheck = .max
            for connection in connections { connection.destroy() }
            return
        }
        for connection in connections { connection.checkDeadline() }
        for listener in listeners { listener.checkDeadline() }
    }
}

// MARK: Sources

extension EventLoop {
    /// Registers a source; false when the kernel cannot.
    func register(_ source: EventSource, _ events: UInt32) -> Bool {
        clinux_poll_add(poll, source.descriptor, events, Unmanaged.passUnretained(source).toOpaque()) == 0
    }

    func unregister(_ source: EventSource) { clinux_poll_remove(poll, source.descriptor) }

    /// Runs `connection` before the loop sleeps.
    func schedule(_ connection: Connection) {
        guard !connection.isScheduled else { return }
        connection.isScheduled = true
        runnable.append(connection)
    }

    private func adopt(_ connection: Connection) {
        connection.index = connections.count
        connections.append(connection)
        let events = EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        if drainDeadline != nil || !register(connection, events) { connection.destroy() }
    }

    private func adopt(_ listener: Listener) {
        listeners.append(listener)
        if drainDeadline != nil || !listener.resume() {
            log.error("cannot accept connections on \(listener.address): epoll refused the socket")
            listeners.removeLast()
            listener.close()
            departed.append(listener)
        }
    }

    /// Takes a connection out; its descriptor is closed already.
    func remove(_ connection: Connection) {
        let last = connections.removeLast()
        if last !== connection {
            last.index = connection.index
            connections[connection.index] = last
        }
        departed.append(connection)
        population.subtract(1, ordering: .relaxed)
    }

    // MARK: Memory

    /// Whether so many buffers are out that no request is to be received into another one.
    var isMemoryShort: Bool { pool.lentBytes >= configuration.memoryLimit }

    /// Runs `connection` when memory is there again.
    func awaitMemory(_ connection: Connection) { memoryWaiters.append(connection) }

    private func retryMemoryWaiters() {
        guard !isMemoryShort else { return }
        for connection in memoryWaiters { connection.resumeAfterMemory() }
        memoryWaiters.removeAll(keepingCapacity: true)
    }

    /// Logs what a peer did against the protocol, not more often than is good for the log.
    func logViolation(_ text: @autoclosure () -> String) {
        guard let suppressed = violations.admit(at: now) else { return }
        let others = suppressed == 0 ? "" : " (and \(suppressed) like it that were not logged)"
        log.warning("\(text())\(others)")
    }
}
