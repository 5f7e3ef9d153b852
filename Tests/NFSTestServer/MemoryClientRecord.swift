import NFSServer

/// The record of clients of one server after the other, as long as the tests run. Each instance begins with `open`.
package actor MemoryClientRecord: RecoveryStorage {
    /// Who may reclaim after a restart now.
    package private(set) var inForce: Set<[UInt8]>
    /// The list of the instance that runs.
    package private(set) var own: Set<[UInt8]> = []
    private var isActive = false

    package init(inForce: Set<[UInt8]> = []) { self.inForce = inForce }

    package func open() -> [[UInt8]] {
        own = []
        isActive = false
        return Array(inForce)
    }

    package func add(_ owner: [UInt8]) { change { $0.insert(owner) } }

    package func remove(_ owner: [UInt8]) { change { $0.remove(owner) } }

    package func activate() {
        isActive = true
        inForce = own
    }

    private func change(_ body: (inout Set<[UInt8]>) -> Void) {
        body(&own)
        if isActive { inForce = own }
    }
}
