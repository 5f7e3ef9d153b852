import RecoveryJournal

/// What a recovery backend said about the clients of the last instance.
package enum BackendAnswer: Equatable, Sendable {
    /// There is no backend.
    case none
    /// It did not answer in time, for this reason.
    case silent(String)
    /// The record in force: where it was copied from, if from a journal, and its clients, which may be none.
    case record(JournalMarker?, Set<[UInt8]>)
}

/// Who may reclaim, if journal and backend differ: whoever may hold something; not who certainly lost it.
package enum RecordResolution {
    /// - Returns: the clients that may reclaim, and which record says so, for the log; nil when nothing is known yet.
    package static func listed(journal: JournalState?, backend: BackendAnswer) -> (clients: Set<[UInt8]>, reason: String)? {
        guard let journal else {
            return switch backend {
            case .none: ([], "there was no journal")
            case .silent: nil
            case .record(_, let clients): (clients, "there was no journal, the recovery backend decides")
            }
        }
        guard case .record(let marker, let clients) = backend else { return (journal.inForce, "the journal decides") }
        switch marker {
        case let marker? where marker.lineage == journal.lineage:
            // The backend follows this journal, unless that is an old copy, of a restored volume for example.
            guard marker.instance > journal.instance else { return (journal.inForce, "the journal decides") }
            return (clients, "the journal is older than the recovery backend's record, which decides")
        case nil where clients.isEmpty:
            // It never had a record, or lost it: nobody has been served since the journal was written, as far as anyone knows.
            return (journal.inForce, "the recovery backend has no record, the journal decides")
        default:
            // Another server's record. If this journal's was in force there before, the other one came later.
            if journal.wasConfirmed { return (clients, "another server came after the journal, the recovery backend decides") }
            return (journal.inForce.union(clients), "journal and recovery backend do not know of each other, both decide")
        }
    }
}
