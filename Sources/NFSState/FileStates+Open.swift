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
    /// Each change of a reservation counts its seqid up by one; after CLOSE the next OPEN makes one with another name.
    /// A reclaim is the same; its caller makes NFS4ERR_RECLAIM_CONFLICT of a conflict.
    /// - Parameter resource: serves `access`.
    /// - Throws: `inval` for no access or unknown bits, `expired` for a client that is gone, `delay` for one whose state is being
    ///   revoked, `serverfault` when the client holds as much state as it may.
    package mutating func open(
        _ file: FileHandle, client: Client, owner: [UInt8], access: ShareAccess, deny: ShareAccess, resource: OpenResource
    ) throws(NFSStatus) -> OpenOutcome {
        guard !access.isEmpty, ShareAccess.both.isSuperset(of: access.union(deny)) else { throw .inval }
        let share = Share(access: access, deny: deny)
        if let holder = shareConflict(file, access: access, deny: deny) { return .conflict(with: holder) }
        if let position = files.index(forKey: file), let own = files.values[position].opens.firstIndex(where: { $0.isOf(client, owner) }) {
            try client.checkMayHold()
            let unused = files.values[position].opens[own].widen(share, resource: resource)
            return .granted(files.values[position].opens[own].stateID, released: unused)
        }
        try client.checkRoom(limit: limits.statesPerClient)
        let open = OpenState(other: names.next(for: file), client: client, owner: owner, share: share, resource: resource)
        files[file, default: FileState()].opens.append(open)
        client.countState(1)
        return .granted(open.stateID, released: nil)
    }

    /// The client whose share reservation an OPEN would meet. An open-owner's own open is no exception (§9.7).
    package func shareConflict(_ file: FileHandle, access: ShareAccess, deny: ShareAccess) -> Client? {
        guard let position = files.index(forKey: file) else { return nil }
        let share = Share(access: access, deny: deny)
        return files.values[position].opens.first { $0.excludes(share) }?.client
    }

    /// OPEN_DOWNGRADE (§18.18).
    /// - Returns: the stateid, and the resources that no access needs any more.
    /// - Throws: `inval` when `access` and `deny` are not the union of some of the opens that made the reservation; and as `check`.
    package mutating func downgrade(
        _ stateID: StateID, of file: FileHandle, client: Client, access: ShareAccess, deny: ShareAccess
    ) throws(NFSStatus) -> (StateID, [OpenResource]) {
        let (position, index) = try findOpen(stateID, of: file, client: client)
        let released = try files.values[position].opens[index].narrow(to: Share(access: access, deny: deny))
        return (files.values[position].opens[index].stateID, released)
    }

    /// CLOSE (§18.2): ends the share reservation. Byte-range locks made under it are freed, which §18.2.3 allows: a client
    /// whose process died with locks held then needs no second try, and no lock outlives the open it depends on.
    /// - Throws: as `check`.
    package mutating func close(
        _ stateID: StateID, of file: FileHandle, client: Client, now: MonotonicTime
    ) throws(NFSStatus) -> Released {
        let (position, index) = try findOpen(stateID, of: file, client: client)
        let resources = removeOpen(at: index, of: position)
        return Released(resources: resources, freed: wake(file, now: now))
    }

    /// Where the open is that a client names.
    private func findOpen(
        _ stateID: StateID, of file: FileHandle, client: Client
    ) throws(NFSStatus) -> (Dictionary<FileHandle, FileState>.Index, Int) {
        guard let position = files.index(forKey: file), let index = try files.values[position].openIndex(stateID, of: client) else {
            throw statusOfUnknown(stateID, of: file, client: client)
        }
        return (position, index)
    }
}
