import NFSProtocol

extension FileStates {
    /// Checks the stateid of READ, WRITE or SETATTR (RFC 8881 §8.2.4, §9.1.2) and finds the open file to use.
    /// - Parameter access: read or write.
    /// - Throws: `badStateid` (unknown, of another file or client, from the future, of an earlier server instance: §15.1.16.5
    ///   forbids NFS4ERR_STALE_STATEID), `oldStateid`, `openmode`.
    package func check(_ stateID: StateID, of file: FileHandle, client: Client, access: ShareAccess) throws(NFSStatus) -> OpenResource {
        fatalError()
    }

    /// Checks I/O with the anonymous stateid, or a WRITE with the READ bypass stateid, against the share reservations of all
    /// (§8.2.3, §9.7). READ with the READ bypass stateid needs no check.
    /// - Throws: `locked`.
    package func checkAnonymous(_ file: FileHandle, access: ShareAccess) throws(NFSStatus) { fatalError() }

    /// TEST_STATEID of one stateid (§18.48): `ok`, `badStateid` or `oldStateid`.
    package func test(_ stateID: StateID, client: Client) -> NFSStatus { fatalError() }

    /// FREE_STATEID (§18.38).
    /// - Throws: `locksHeld` for an open, and for a lock stateid with locks; `badStateid`, `oldStateid`.
    package mutating func free(_ stateID: StateID, client: Client) throws(NFSStatus) { fatalError() }
}
