import NFSProtocol

extension FileStates {
    /// Checks the stateid of READ, WRITE or SETATTR (RFC 8881 §8.2.4, §9.1.2) and finds the open file to use.
    /// - Parameter access: read or write.
    /// - Returns: nil for a read by an open for writing only. §9.1.2 allows it if no other open denies reading, for clients
    ///   whose writes have to read.
    /// - Throws: `badStateid` (unknown, of another file or client, from the future, of an earlier server instance: §15.1.16.5
    ///   rules NFS4ERR_STALE_STATEID out), `oldStateid`, `openmode`; `expired`, `adminRevoked` for revoked state.
    package func check(_ stateID: StateID, of file: FileHandle, client: Client, access: ShareAccess) throws(NFSStatus) -> OpenResource? {
        guard let position = files.index(forKey: file), let open = try files.values[position].open(of: stateID, client: client) else {
            throw statusOfUnknown(stateID, of: file, client: client)
        }
        if let resource = access.contains(.write) ? open.writing : open.reading { return resource }
        guard !access.contains(.write) else { throw .openmode }
        return nil
    }

    /// The client whose share reservation forbids I/O with the anonymous stateid, or a WRITE with the READ bypass stateid
    /// (§8.2.3, §9.7). READ with the READ bypass stateid needs no check.
    /// - Parameter own: of an open, or of a lock under it, whose own reservation does not count.
    package func denial(of access: ShareAccess, to file: FileHandle, besides own: StateID? = nil) -> Client? {
        guard let states = files[file] else { return nil }
        let open = states.locks.first { $0.stateID.other == own?.other }?.open ?? own?.other
        return states.opens.first { $0.stateID.other != open && !$0.deny.isDisjoint(with: access) }?.client
    }

    /// TEST_STATEID of one stateid (§18.48): `ok`, `badStateid`, `oldStateid`, `expired` or `adminRevoked`.
    package func test(_ stateID: StateID, client: Client) -> NFSStatus {
        do throws(NFSStatus) {
            if let states = names[stateID.other].flatMap({ files[$0] }) {
                if try states.openIndex(stateID, of: client) != nil { return .ok }
                if try states.lockIndex(stateID, of: client) != nil { return .ok }
            }
            return statusOfUnknown(stateID, of: nil, client: client)
        } catch { return error }
    }

    /// FREE_STATEID (§18.38).
    /// - Throws: `locksHeld` for an open, and for a lock stateid with locks; `badStateid`, `oldStateid`.
    package mutating func free(_ stateID: StateID, client: Client) throws(NFSStatus) {
        if freeRevoked(stateID, client: client) { return }
        let status = test(stateID, client: client)
        guard status == .ok else { throw status }
        guard let file = names[stateID.other], let position = files.index(forKey: file),
            let index = files.values[position].locks.firstIndex(where: { $0.stateID.other == stateID.other }),
            files.values[position].locks[index].ranges.isEmpty
        else { throw .locksHeld }
        files.values[position].locks.remove(at: index).client.countState(-1)
        names.forget(stateID.other)
    }
}
