import CLinux
import Glibc
import RPC
import Synchronization

/// A listening socket, on the first loop; it spreads its connections over all of them.
///
/// Unchecked because all but `address` is used on that loop's thread only.
final class Listener: EventSource, @unchecked Sendable {
    let address: PeerAddress
    private let loops: [EventLoop]
    private let home: EventLoop
    private let limit: Int
    private var resumption: Int64?
    private var isOpen = true
    private var refusals = LogThrottle()
    private var shortages = LogThrottle()

    /// Taken in one turn, then connections are served.
    private static let acceptsPerTurn = 64
    private static let shortagePause: Int64 = 100_000_000

    init(descriptor: Int32, address: PeerAddress, loops: [EventLoop], limit: Int) {
        self.address = address
        self.loops = loops
        self.limit = limit
        home = loops[0]
        super.init(descriptor: descriptor)
    }

    deinit { close() }

    /// Starts accepting; false when the kernel cannot.
    func resume() -> Bool {
        resumption = nil
        return home.register(self, EPOLLIN.rawValue)
    }

    override func ready(_ events: UInt32) {
        guard isOpen else { return }
        for _ in 0..<Self.acceptsPerTurn {
            var peer = clinux_address()
            let connection = clinux_accept(descriptor, &peer)
            switch -connection {
            case ...0: place(connection, PeerAddress(peer))
            case EAGAIN: return
            case EMFILE, ENFILE, ENOBUFS, ENOMEM: return wait(after: -connection)
            // The connection was gone before it was accepted; the next may be fine.
            default: continue
            }
        }
    }

    private func place(_ descriptor: Int32, _ peer: PeerAddress) {
        var count = 0
        var target = home
        for loop in loops {
            let population = loop.population.load(ordering: .relaxed)
            count += population
            if population < target.population.load(ordering: .relaxed) { target = loop }
        }
        guard count < limit else {
            Glibc.close(descriptor)
            if let suppressed = refusals.admit(at: home.now) {
                home.log.warning(
                    "refused a connection of \(peer): \(limit) are open, the limit (\(suppressed) more refused since the last such line)")
            }
            return
        }
        target.population.add(1, ordering: .relaxed)
        target.post(.adopt(Connection(descriptor: descriptor, peer: peer, loop: target)))
    }

    /// The kernel would report the waiting connection again and again, so it is not asked for a while.
    private func wait(after code: Int32) {
        home.unregister(self)
        resumption = home.now + Self.shortagePause
        home.check(at: home.now + Self.shortagePause)
        if shortages.admit(at: home.now) != nil {
            home.log.error(
                """
                cannot accept a connection: \(TransportError.text(code)); those that wait are taken when others end, \
                raise the limit of open files (ulimit -n) if this lasts
                """)
        }
    }

    func checkDeadline() {
        guard let resumption else { return }
        guard resumption <= home.now else { return home.check(at: resumption) }
        if !resume() { wait(after: ENOMEM) }
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        resumption = nil
        home.unregister(self)
        Glibc.close(descriptor)
    }
}
