import Glibc

/// A place where a test ends the process as a power failure would, to see what the next instance makes of what is left
/// (docs/RECOVERY.md).
///
/// The places are part of the program, so that what is tested is what runs. Without `REMUDA_CRASH_AT` in the environment each
/// is one comparison.
package enum CrashPoint: String, CaseIterable, Sendable {
    // A line of the journal: after half of it was written; before `fsync`; after it and before anybody hears of it.
    case beginTorn = "journal.begin.torn"
    case beginWritten = "journal.begin.written"
    case beginDurable = "journal.begin.durable"
    case addTorn = "journal.add.torn"
    case addWritten = "journal.add.written"
    case addDurable = "journal.add.durable"
    case removeTorn = "journal.remove.torn"
    case removeWritten = "journal.remove.written"
    case removeDurable = "journal.remove.durable"
    case activateTorn = "journal.activate.torn"
    case activateWritten = "journal.activate.written"
    case activateDurable = "journal.activate.durable"
    case confirmTorn = "journal.confirm.torn"
    case confirmWritten = "journal.confirm.written"
    case confirmDurable = "journal.confirm.durable"
    case stopTorn = "journal.stop.torn"
    case stopWritten = "journal.stop.written"
    case stopDurable = "journal.stop.durable"

    // The journal is replaced by another file.
    case replaceWritten = "journal.replace.written"
    case replaceRenamed = "journal.replace.renamed"
    case replaceDurable = "journal.replace.durable"

    // A call to the recovery backend succeeded.
    case backendOpenDone = "backend.open.done"
    case backendAddDone = "backend.add.done"
    case backendRemoveDone = "backend.remove.done"
    case backendActivateDone = "backend.activate.done"

    /// The environment variable that names the place.
    package static let variable = "REMUDA_CRASH_AT"

    private static let chosen = getenv(variable).flatMap { CrashPoint(rawValue: String(cString: $0)) }

    /// Whether the process is to end here.
    package var isChosen: Bool { Self.chosen == self }

    /// Ends the process here if it is to.
    package func reach() {
        if isChosen { Self.crash() }
    }

    /// Ends the process without another instruction of it.
    package static func crash() -> Never {
        kill(getpid(), SIGKILL)
        // The signal is delivered before kill returns to the thread that sent it to its own process.
        abort()
    }
}
