import FileSystem

/// Which callers an export turns into its anonymous user.
package enum Squash: String, Sendable, CaseIterable {
    /// Nobody: users are who their machines say they are.
    case none
    /// The superuser.
    case root
    /// Everybody.
    case all
}
