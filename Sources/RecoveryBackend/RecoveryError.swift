/// Why a recovery store did not do what it was asked.
package enum RecoveryError: Error, Equatable {
    /// No version was ever opened for the host.
    case unknownHost(ServerHostname)
    /// The version is not there, and no later one was opened for the host.
    case unknownVersion(RecoveryVersion, ServerHostname)
    /// Another version was opened last for the host, so that the server that wrote to this one is to stop (fencing).
    case superseded(RecoveryVersion, ServerHostname)
    /// The client was not added to the version.
    case unknownClient(ClientIdentity, RecoveryVersion, ServerHostname)
    /// The request or the configuration is not what the contract allows.
    case malformed(String)
    /// The store cannot be reached or cannot write now.
    case unavailable(String)
    /// The store has as many hosts, or as many clients of the host, as it may.
    case full(String)
    /// A remote store answered with another status than 200, for a reason that is not one of the above.
    case refused(status: UInt, String)
}

extension RecoveryError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unknownHost(let hostname):
            "nothing is recorded for host \(hostname): open a version for it first"
        case .unknownVersion(let version, let hostname):
            "host \(hostname) has no version \(version): it was never opened, or its grace period did not end for long"
        case .superseded(let version, let hostname):
            "version \(version) of host \(hostname) is superseded: a newer instance of the server has started, this one must stop"
        case .unknownClient(let client, let version, let hostname):
            "version \(version) of host \(hostname) has no client '\(client)': add the client first"
        case .malformed(let reason), .unavailable(let reason), .full(let reason):
            reason
        case .refused(let status, let message):
            "the recovery backend answered with status \(status): \(message)"
        }
    }
}
