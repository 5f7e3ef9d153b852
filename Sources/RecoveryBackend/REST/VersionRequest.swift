/// The body of POST and PUT. POST alone names the host in it.
struct VersionRequest: Codable {
    var hostname: String?
    var version: String
}
