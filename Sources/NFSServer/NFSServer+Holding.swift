import NFSProtocol
import NFSState

/// Where compounds go that have to wait: none of them holds a thread, and none waits under a lock.
extension NFSServer {
    /// Runs a compound as far as it goes on this thread.
    func advance(_ compound: Compound, mayBlock: Bool = false, hasWaited: Bool = false) {
        compound.mayBlock = mayBlock
        compound.hasWaited = hasWaited
        let progress = compound.run()
        if case .waits = progress { compound.keepLease() }
        switch progress {
        case .finished: compound.send()
        case .waits(.worker):
            let hasWaited = compound.hasWaited
            workers.submit { self.advance(compound, mayBlock: true, hasWaited: hasWaited) }
        case .waits(.endOfGrace):
            recovery.afterGrace(atMost: .milliseconds(limits.graceHoldMilliseconds)) { self.resume(compound, hasWaited: $0) }
        case .waits(.recordOfLastInstance):
            recovery.afterLoading(atMost: .milliseconds(limits.graceHoldMilliseconds)) { self.resume(compound, hasWaited: $0) }
        case .waits(.clientRecord(let client)):
            recovery.record(client) { self.resume(compound) }
        case .waits(.revocation(let client)):
            takeState(of: client, as: .expired) { self.resume(compound) }
        case .waits(.departure(let dropped)):
            recovery.waiting(atMost: .milliseconds(limits.graceHoldMilliseconds), for: { self.drop(dropped, then: $0) }) {
                self.resume(compound)
            }
        }
    }

    /// Goes on with a compound that has waited, on a thread that no slow device holds up: locks and reclaims need no disk.
    private func resume(_ compound: Compound, hasWaited: Bool = false) {
        continuations.submit { self.advance(compound, hasWaited: hasWaited) }
    }
}

/// A client's owner string as the log shows it.
struct ClientName: CustomStringConvertible {
    private let owner: [UInt8]
    init(_ owner: [UInt8]) { self.owner = owner }

    var description: String { String(owner.map { (0x20...0x7e).contains($0) ? Character(UnicodeScalar($0)) : "?" }) }
}
