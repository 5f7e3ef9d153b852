/// The answer to everything that fails, in the form of Longhorn's own backend.
struct Failure: Codable {
    /// The reasons of a failure that a client of the contract can tell apart.
    enum Code: String {
        case unknownHost = "UnknownHost"
        case unknownVersion = "UnknownVersion"
        case superseded = "Superseded"
        case unknownClient = "UnknownClient"
        case malformed = "Malformed"
        case unavailable = "Unavailable"
        case full = "Full"
        case refused = "Refused"
    }

    var actions: [String: String] = [:]
    var code: String
    var detail = ""
    var links: [String: String] = [:]
    var message: String
    var status: UInt
    var type = "error"
}
