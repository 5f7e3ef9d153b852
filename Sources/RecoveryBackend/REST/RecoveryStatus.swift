import Hummingbird

/// The answer to GET.
struct RecoveryStatus: ResponseCodable {
    var id: String
    var type = "recoveryBackendStatus"
    var links: [String: String] = [:]
    var actions: [String: String] = [:]
    var hostname: String
    var clients: [String]
}
