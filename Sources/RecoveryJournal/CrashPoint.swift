import Glibc

/// A place where a test ends the process as a power failure would, to see what the next instance makes of what is left.
///
/// The places are part of the program, so that what is tested is what runs. Without `REMUDA_CRASH_AT` in the environment each
/// is one comparison.
package enum CrashPoint {
    /// The environment variable that names the place.
    package static let variable = "REMUDA_CRASH_AT"

    private static let chosen = getenv(variable).map { String(cString: $0) }

    /// Whether the process is to end at `name`.
    package static func isChosen(_ name: @autoclosure () -> String) -> Bool {
        guard let chosen else { return false }
        return chosen == name()
    }

    /// Ends the process here if it is to.
    package static func reach(_ name: @autoclosure () -> String) {
        if isChosen(name()) { crash() }
    }

    /// Ends the process without another instruction of it.
    package static func crash() -> Never {
        kill(getpid(), SIGKILL)
        // The signal is delivered before kill returns to the thread that sent it to its own process.
        abort()
    }
}
