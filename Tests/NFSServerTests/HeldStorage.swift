import NFSServer
import NFSTestServer

/// A record of clients that keeps one kind of call from returning, and from having an effect, until it is let go.
actor HeldStorage: RecoveryStorage {
    enum Call: Equatable {
        case add, remove, activate
    }

    private let record: MemoryClientRecord
    private var held: Call?
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var observers: [CheckedContinuation<Void, Never>] = []

    init(_ record: MemoryClientRecord) { self.record = record }

    func hold(_ call: Call) { held = call }

    func release() {
        held = nil
        for call in waiting { call.resume() }
        waiting = []
    }

    /// Returns when a call of the kind is being held.
    func untilOneIsHeld() async {
        guard waiting.isEmpty else { return }
        await withCheckedContinuation { observers.append($0) }
    }

    func open() async -> [[UInt8]] { await record.open() }

    func add(_ owner: [UInt8]) async {
        await wait(.add)
        await record.add(owner)
    }

    func remove(_ owner: [UInt8]) async {
        await wait(.remove)
        await record.remove(owner)
    }

    func activate() async {
        await wait(.activate)
        await record.activate()
    }

    private func wait(_ call: Call) async {
        guard held == call else { return }
        await withCheckedContinuation { continuation in
            waiting.append(continuation)
            for observer in observers { observer.resume() }
            observers = []
        }
    }
}
