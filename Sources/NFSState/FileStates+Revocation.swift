import NFSProtocol

/// What is left of an open or a lock stateid that was revoked (RFC 8881 §8.2.4, §8.5).
struct RevokedState: Sendable {
    let client: Client
    let file: FileHandle
    let revocation: Revocation
}

extension FileStates {
    /// Removes everything the client holds here, and what it has not acknowledged; it must be gone (`Client.isGone`), so that
    /// nothing follows.
    package mutating func dropAll(of client: Client, now: MonotonicTime) -> Released {
        assert(client.isGone)
        if client.revokedCount > 0 {
            for (name, state) in revoked where state.client === client { forgetRevoked(name, state) }
        }
        return removeAll(as: nil, now: now) { $0.client === client }
    }

    /// Revokes everything the client holds here. It must be kept from getting more (`Client.beginRevocation`).
    package mutating func revokeAll(of client: Client, as revocation: Revocation, now: MonotonicTime) -> Released {
        assert(client.isGone || client.isBeingRevoked)
        // Nobody would free the stateids of a client that is gone.
        return removeAll(as: client.isGone ? nil : revocation, now: now) { $0.client === client }
    }

    /// Revokes the opens whose open file nobody serves any more, as `isGone` says, with the locks made under them.
    package mutating func revokeOpens(now: MonotonicTime, where isGone: (OpenResource) -> Bool) -> Released {
        removeAll(as: .administrative, now: now) { $0.resources.contains(where: isGone) }
    }

    private mutating func removeAll(as revocation: Revocation?, now: MonotonicTime, where isMeant: (OpenState) -> Bool) -> Released {
        var released = Released()
        let held = files.filter { $0.value.opens.contains(where: isMeant) }.keys
        for file in held {
            while let position = files.index(forKey: file), let index = files.values[position].opens.firstIndex(where: isMeant) {
                released.resources += removeOpen(at: index, of: position, as: revocation)
            }
            released.freed += wake(file, now: now)
        }
        return released
    }

    /// - Throws: `expired`, `adminRevoked` for a stateid of revoked state.
    package func checkNotRevoked(_ stateID: StateID, of file: FileHandle, client: Client) throws(NFSStatus) {
        let status = statusOfUnknown(stateID, of: file, client: client)
        if status != .badStateid { throw status }
    }

    /// The answer to a stateid that names no open and no lock of the client.
    /// - Parameter file: the current file; nil where a stateid comes without one.
    func statusOfUnknown(_ stateID: StateID, of file: FileHandle?, client: Client) -> NFSStatus {
        guard let state = revoked[stateID.other], state.client === client, file == nil || file == state.file else { return .badStateid }
        return state.revocation.status
    }

    /// FREE_STATEID of a revoked stateid: the client acknowledges that it has lost it (§18.38.3). Its seqid no longer matters.
    /// - Returns: false when the stateid names nothing revoked of the client.
    mutating func freeRevoked(_ stateID: StateID, client: Client) -> Bool {
        guard let state = revoked[stateID.other], state.client === client else { return false }
        forgetRevoked(stateID.other, state)
        client.noticeRevocation()
        return true
    }

    private mutating func forgetRevoked(_ name: StateID.Other, _ state: RevokedState) {
        revoked[name] = nil
        state.client.countRevoked(-1, as: state.revocation)
    }
}
