/// The body of POST and PUT. POST alone names the host in it.
struct VersionRequest: Codable {
    var hostname: String?
    var version: String
    /// Beyond the contract, in POST: the version which the same instance opened before.
    var replaces: String?
}
