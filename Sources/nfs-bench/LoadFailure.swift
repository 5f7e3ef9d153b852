import Glibc
import NFSTestClient

/// Why a measurement means nothing; `description` is a line for the user.
struct LoadFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    static func connection(_ what: String, _ code: Int32) -> LoadFailure {
        LoadFailure("the connection to the server failed in \(what): \(String(cString: strerror(code)))")
    }

    static func status(_ step: Step, _ status: UInt32) -> LoadFailure {
        let name = Status(rawValue: status).map { "\($0)" } ?? "\(status)"
        return LoadFailure("the server answered a request of the workload (\(step)) with the status \(name)")
    }

    static func reply(_ problem: String) -> LoadFailure { LoadFailure("the server's reply cannot be read: \(problem)") }
}
