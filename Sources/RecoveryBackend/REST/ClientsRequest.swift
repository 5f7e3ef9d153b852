import HTTPTypes

/// The body of PATCH, which is beyond the contract: many clients to be added at once. A backend offers it by a header of its
/// answer to POST (RFC 5789 section 3.1), so that no other one is ever asked.
struct ClientsRequest: Codable {
    static let maximumCount = 100
    /// In bytes: each character of a client id may be escaped.
    static let maximumLength = 256 + maximumCount * (2 * ClientIdentity.maximumLength + 3)
    static let acceptance = HTTPField.Name("Accept-Patch")!
    static let mediaType = "application/json"

    var version: String
    var clients: [String]
}
