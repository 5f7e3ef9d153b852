import NFSProtocol

/// What came of an OPEN.
package enum OpenOutcome: Sendable {
    /// `released`: the resource itself, when the open already had one for every access asked for.
    case granted(StateID, released: OpenResource?)
    /// A share reservation of this client stands in the way: NFS4ERR_SHARE_DENIED, unless its lease has expired.
    case conflict(with: Client)
}

extension FileStates {
    /// OPEN: makes or widens the share reservation of an open-owner on a file (RFC 8881 §9.7, §18.16.3).
    ///
    /// A reclaim is the same; its caller makes NFS4ERR_RECLAIM_CONFLICT of a conflict.
    /// - Parameter resource: serves `access`.
    /// - Throws: `inval` for no access or unknown bits, `expired` for a client that is gone, `serverfault` when the client
    ///   holds as much state as it may.
    package mutating func open(
        _ file: FileHandle, client: Client, owner: [UInt8], access: ShareAccess, deny: ShareAccess, resource: OpenResource
    ) throws(NFSStatus) -> OpenOutcome {
        fatalError()
    }

    /// OPEN_DOWNGRADE (§18.18).
    /// - Returns: the stateid, and the resources that no access needs any more.
    /// - Throws: `inval` when `access` and `deny` are not the union of some of the opens that made the reservation; and as `check`.
    package mutating func downgrade(
        _ stateID: StateID, of file: FileHandle, client: Client, access: ShareAccess, deny: ShareAccess
    ) throws(NFSStatus) -> (StateID, [OpenResource]) {
        fatalError()
    }

    /// CLOSE (§18.2): ends the share reservation and frees the byte-range locks made under it.
    /// - Throws: as `check`.
    package mutating func close(_ stateID: StateID, of file: FileHandle, client: Client) throws(NFSStatus) -> [OpenResource] {
        fatalError()
    }
}
