/// What the changes in a journal come to.
package struct JournalState: Equatable, Sendable {
    /// The name of the journal; one that was made anew has another.
    package private(set) var lineage: String
    /// Counts the instances of the server that began with this journal.
    package private(set) var instance: UInt64 = 0
    /// The clients that may reclaim from the next instance.
    package private(set) var inForce: Set<[UInt8]> = []
    /// The clients on the record of the last instance, which are those in force if the record is.
    package private(set) var own: Set<[UInt8]> = []
    package private(set) var isActive = false
    /// Whether the recovery backend ever had a record of this journal in force.
    package private(set) var wasConfirmed = false

    package init(lineage: String) {
        self.lineage = lineage
    }

    package mutating func apply(_ change: JournalChange) {
        switch change {
        case .journal(let lineage): self = JournalState(lineage: lineage)
        case .begin(let instance, let listed):
            self.instance = instance
            (inForce, own, isActive) = (listed, [], false)
        case .add(let owners):
            own.formUnion(owners)
            if isActive { inForce = own }
        case .remove(let owner):
            own.remove(owner)
            if isActive { inForce = own }
        case .activate:
            isActive = true
            inForce = own
        case .confirm: wasConfirmed = true
        case .stop(let holding):
            own.formIntersection(holding)
            if isActive { inForce = own }
        }
    }

    /// The fewest changes that come to this.
    var changes: [JournalChange] {
        var changes: [JournalChange] = [.journal(lineage: lineage), .begin(instance: instance, listed: isActive ? [] : inForce)]
        if wasConfirmed { changes.append(.confirm) }
        if !own.isEmpty { changes.append(.add(own)) }
        if isActive { changes.append(.activate) }
        return changes
    }
}
