import CLinux
import Glibc
import RPC
import XDR

/// A connection on its loop. Requests are received and answered in turns, so that no connection keeps the others waiting.
///
/// Unchecked because `send` and `close` go through the loop's mailbox when they come from another thread, and everything
/// else happens on the loop's thread.
final class Connection: EventSource, RPCConnection, @unchecked Sendable {
    let peer: PeerAddress
    var attachment: (any AnyObject & Sendable)?

    /// Its place in the loop's list and whether it is in its list of those to be run. The loop's.
    var index = 0
    var isScheduled = false

    private enum Phase {
        /// Requests are received.
        case open
        /// The peer sends no more, or the transport drains: closes when the requests at hand are answered.
        case finishing
        /// Closes when what was sent has left.
        case closing
        /// Everything has left; waits for the peer's end, since closing a socket with bytes in it destroys what the peer
        /// has not received yet.
        case lingering
        case closed
    }

    private struct Pause: OptionSet {
        let rawValue: UInt8
        /// The peer does not read its replies.
        static let output = Pause(rawValue: 1)
        static let memory = Pause(rawValue: 2)
    }

    private let loop: EventLoop
    private var input: RecordAssembler
    private var output: OutputQueue
    private var phase = Phase.open
    private var pause: Pause = []
    private var isReadable = false
    private var isWritable = true
    /// The peer has sent its last byte; reading goes on until it is there.
    private var isHungUp = false
    private var hasEnded = false
    /// Records received less records sent. A call and its reply cancel out, whoever called, so above zero a reply is due.
    private var unanswered = 0
    private var inputProgress: Int64
    private var outputProgress: Int64 = 0
    private var phaseStart: Int64 = 0

    /// Receives in one turn, then other connections are served.
    private static let receivesPerTurn = 8
    /// Replies above this size leave before the batch ends, so that they need not all be in memory at once.
    private var batchBytes: Int { min(256 * 1024, loop.configuration.highWater) }
    /// How long the peer may take to close after the last reply.
    private static let lingerTime: Int64 = 2_000_000_000

    init(descriptor: Int32, peer: PeerAddress, loop: EventLoop) {
        self.peer = peer
        self.loop = loop
        input = RecordAssembler(pool: loop.pool, maximumRecord: loop.configuration.maximumRecord)
        output = OutputQueue(pool: loop.pool)
        inputProgress = MonotonicTime.now()
        super.init(descriptor: descriptor)
    }

    deinit {
        if phase != .closed { Glibc.close(descriptor) }
    }

    // MARK: Any thread

    func send(_ buffer: consuming RecordBuffer, count: Int) {
        if loop.isCurrent { enqueue(buffer, count: count) } else { loop.post(.send(self, buffer, count: count)) }
    }

    func close() {
        if loop.isCurrent { beginClosing() } else { loop.post(.close(self)) }
    }

    func undertake(_ work: @escaping BriefWork) -> Bool { loop.undertake(work) }

    // MARK: The loop's thread

    override func ready(_ events: UInt32) {
        guard phase != .closed else { return }
        // Reset, or both directions are shut: nothing can be delivered any more.
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { return destroy() }
        if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 { isReadable = true }
        if events & EPOLLRDHUP.rawValue != 0 { isHungUp = true }
        if events & EPOLLOUT.rawValue != 0 { isWritable = true }
        run()
    }

    func enqueue(_ buffer: consuming RecordBuffer, count: Int) {
        guard phase != .closed && phase != .lingering else { return loop.pool.give(back: buffer) }
        if output.isEmpty { outputProgress = loop.now }
        output.append(buffer, count: count)
        unanswered -= 1
        loop.schedule(self)
    }

    func beginClosing() { enter(.closing, from: [.open, .finishing]) }

    func beginFinishing() { enter(.finishing, from: [.open]) }

    private func enter(_ next: Phase, from former: [Phase]) {
        guard former.contains(phase) else { return }
        phase = next
        phaseStart = loop.now
        loop.schedule(self)
    }

    func resumeAfterMemory() {
        pause.remove(.memory)
        inputProgress = loop.now
        if phase != .closed { loop.schedule(self) }
    }

    /// Does what can be done without waiting: sends, answers, receives.
    func run() {
        flush()
        var turns = 0
        while phase == .open {
            deliver()
            guard phase == .open, pause.isEmpty, isReadable else { break }
            guard turns < Self.receivesPerTurn else {
                loop.schedule(self)
                break
            }
            turns += 1
            receive()
        }
        settle()
    }

    /// Gives the complete records to the service and sends its replies in one write.
    private func deliver() {
        do throws(RecordError) {
            while phase == .open, pause.isEmpty, let record = try input.next() {
                unanswered += 1
                loop.service.receive(record, on: self)
                if output.held >= batchBytes { flush() }
            }
            flush()
        } catch {
            flush()
            refuse(error)
        }
    }

    private func refuse(_ error: RecordError) {
        switch error {
        case .tooLong(let bytes):
            loop.logViolation(
                "closing the connection of \(peer): it announces a record of \(bytes) bytes or more, "
                    + "above the limit of \(loop.configuration.maximumRecord); it does not speak RPC or ignores the session's limits")
        case .tooManyFragments:
            loop.logViolation(
                "closing the connection of \(peer): it sends a record in more than \(RecordAssembler.maximumFragments) fragments")
        }
        destroy()
    }

    private func receive() {
        guard let room = input.room(mayTakeBuffer: !loop.isMemoryShort) else {
            pause.insert(.memory)
            return loop.awaitMemory(self)
        }
        let count = clinux_receive(descriptor, room.baseAddress, room.count)
        switch count {
        case 1...:
            input.received(count)
            inputProgress = loop.now
            // Less than there was room for: the socket is empty, and what comes later is reported again.
            if count < room.count, !isHungUp { isReadable = false }
        case 0:
            hasEnded = true
            isReadable = false
            beginFinishing()
        case -Int(EAGAIN): isReadable = false
        case -Int(EINTR): break
        default: destroy()
        }
    }

    /// Sends what the socket takes, and decides by what is left whether requests are received.
    private func flush() {
        if isWritable, !output.isEmpty {
            var sent = 0
            switch output.write(to: descriptor, sent: &sent) {
            case .finished: break
            case .blocked: isWritable = false
            case .failed: return destroy()
            }
            if sent > 0 { outputProgress = loop.now }
        }
        if output.held >= loop.configuration.highWater {
            pause.insert(.output)
        } else if output.held <= loop.configuration.lowWater, pause.contains(.output) {
            pause.remove(.output)
            inputProgress = loop.now
        }
    }

    /// Goes on to the next phase when it is time, and frees what is not needed while waiting.
    private func settle() {
        if phase == .finishing, unanswered <= 0 { phase = .closing }
        if phase == .closing, output.isEmpty {
            if hasEnded { return destroy() }
            clinux_shutdown_output(descriptor)
            phase = .lingering
            phaseStart = loop.now
            isReadable = true
        }
        switch phase {
        case .closed: return
        case .open: input.releaseIfEmpty()
        case .finishing, .closing: input.reset()
        case .lingering:
            input.reset()
            if discard() { return destroy() }
        }
        if let deadline { loop.check(at: deadline) }
    }

    /// Reads what the peer still sends; true when it is done.
    private func discard() -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 16 * 1024, alignment: 16) { scratch in
            for _ in 0..<Self.receivesPerTurn where isReadable {
                switch clinux_receive(descriptor, scratch.baseAddress, scratch.count) {
                case 1...: break
                case -Int(EAGAIN): isReadable = false
                default: return true
                }
            }
            if isReadable { loop.schedule(self) }
            return false
        }
    }

    /// Ends the connection at once.
    func destroy() {
        guard phase != .closed else { return }
        phase = .closed
        // Closing does not end the registration while another process has the descriptor: one between fork and exec.
        loop.unregister(self)
        Glibc.close(descriptor)
        input.reset()
        output.reset()
        loop.remove(self)
        loop.service.closed(self)
        attachment = nil
    }

    // MARK: Deadlines

    /// When the peer must have done what is waited for.
    private var deadline: Int64? {
        let replies = output.isEmpty ? nil : outputProgress + loop.sendTimeout
        let other: Int64? =
            switch phase {
            case .open where input.isPartial && pause.isEmpty: inputProgress + loop.receiveTimeout
            case .finishing: phaseStart + loop.sendTimeout
            case .lingering: phaseStart + Self.lingerTime
            default: nil
            }
        guard let replies, let other else { return replies ?? other }
        return min(replies, other)
    }

    func checkDeadline() {
        guard let deadline else { return }
        guard deadline <= loop.now else { return loop.check(at: deadline) }
        if phase == .open {
            let what = output.isEmpty ? "it has sent part of a request only" : "it does not read its replies"
            loop.logViolation("closing the connection of \(peer): \(what), and nothing moved for too long")
        }
        destroy()
    }
}
