import NFSProtocol

/// What a client holds, in numbers.
package struct HeldCount: Sendable {
    package var opens = 0
    /// Locked ranges.
    package var locks = 0
}

extension FileStates {
    /// Adds up what each client holds here.
    func count(into held: inout [ClientID: HeldCount]) {
        for file in files.values {
            for open in file.opens { held[open.client.id, default: HeldCount()].opens += 1 }
            for lock in file.locks { held[lock.client.id, default: HeldCount()].locks += lock.ranges.count }
        }
    }
}
