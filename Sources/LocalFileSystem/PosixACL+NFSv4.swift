import FileSystem
import NFSProtocol

// How lists of NFSv4 and of POSIX stand for each other (RFC 8881 §6). An NFSv4 list is read in order, entry by entry; a POSIX
// list has one entry for each user and group, of which the one that fits best counts. What is kept of an NFSv4 list gives
// nobody more than the list does; where that cannot be said with a POSIX list, it is refused.

extension PosixACL.Permissions {
    /// What a permission stands for. There is no telling apart of writing and appending.
    fileprivate func rights(onDirectory: Bool) -> AccessControlEntry.Rights {
        var rights: AccessControlEntry.Rights = []
        if contains(.read) { rights.insert(.readData) }
        if contains(.write) { rights.formUnion(onDirectory ? [.writeData, .appendData, .deleteChild] : [.writeData, .appendData]) }
        if contains(.execute) { rights.insert(.execute) }
        return rights
    }
}

// MARK: From POSIX to NFSv4

extension PosixACL {
    /// What Linux lets everybody do who reaches the file, and the owner besides.
    private static let everybodys: AccessControlEntry.Rights = [.readAttributes, .readACL, .synchronize]
    private static let owners: AccessControlEntry.Rights = [.writeAttributes, .writeACL, .writeOwner]

    /// The NFSv4 list that says the same. An entry denies what its user or group would be allowed by those behind it and does
    /// not have.
    func entries(onDirectory: Bool, flags: AccessControlEntry.Flags = []) -> [AccessControlEntry] {
        // As Linux reads a list with an empty mask, the users and groups it names are others.
        if mask == [], !other.isEmpty {
            var short = PosixACL()
            (short.owner, short.other) = (owner, other)
            return short.entries(onDirectory: onDirectory, flags: flags)
        }
        let mask = mask ?? [.read, .write, .execute]
        let users = users.map { ($0.id, $0.permissions.intersection(mask)) }
        let groups = groups.map { ($0.id, $0.permissions.intersection(mask)) }
        let owningGroup = owningGroup.intersection(mask)
        let ofGroups = groups.reduce(owningGroup.union(other)) { $0.union($1.1) }
        let ofOthers = users.reduce(ofGroups) { $0.union($1.1) }

        var entries: [AccessControlEntry] = []
        func deny(_ who: AccessControlEntry.Who, _ permissions: Permissions) {
            guard !permissions.isEmpty else { return }
            entries.append(AccessControlEntry(.deny, who, permissions.rights(onDirectory: onDirectory), flags: flags))
        }
        func allow(_ who: AccessControlEntry.Who, _ permissions: Permissions, and more: AccessControlEntry.Rights = []) {
            let rights = permissions.rights(onDirectory: onDirectory).union(Self.everybodys).union(more)
            entries.append(AccessControlEntry(.allow, who, rights, flags: flags))
        }
        deny(.owner, ofOthers.subtracting(owner))
        allow(.owner, owner, and: Self.owners)
        for (id, permissions) in users {
            deny(.user(id), ofGroups.subtracting(permissions))
            allow(.user(id), permissions)
        }
        // A member of several groups has what any of them has.
        allow(.owningGroup, owningGroup)
        for (id, permissions) in groups { allow(.group(id), permissions) }
        deny(.owningGroup, other.subtracting(owningGroup))
        for (id, permissions) in groups { deny(.group(id), other.subtracting(permissions)) }
        allow(.everyone, other)
        return entries
    }
}

// MARK: From NFSv4 to POSIX

extension PosixACL {
    /// The lists that stand for `entries`: the file's own, and for a directory what is inherited.
    /// - Parameter owner: the file's owner.
    /// - Throws: `attrnotsupp` for entries that could be kept only by giving somebody more than they do.
    static func lists(
        for entries: [AccessControlEntry], onDirectory: Bool, of owner: UInt32
    ) throws(NFSStatus) -> (own: PosixACL, inherited: PosixACL?) {
        for entry in entries { try requireKeepable(entry.flags, onDirectory: onDirectory) }
        let own = entries.filter { !$0.flags.contains(.inheritOnly) }
        let inherited = entries.filter { $0.flags.contains(.fileInherit) }
        return (
            try PosixACL(own, onDirectory: onDirectory, of: owner),
            inherited.isEmpty ? nil : try PosixACL(inherited, onDirectory: true, of: nil)
        )
    }

    /// Default lists hold for files and directories alike, and for all that is made below (§6.2.1.4).
    private static func requireKeepable(_ flags: AccessControlEntry.Flags, onDirectory: Bool) throws(NFSStatus) {
        guard !flags.isEmpty else { return }
        guard onDirectory, flags.isSuperset(of: [.fileInherit, .directoryInherit]), !flags.contains(.noPropagateInherit) else {
            throw .attrnotsupp
        }
    }

    private init(_ entries: [AccessControlEntry], onDirectory: Bool, of owner: UInt32?) throws(NFSStatus) {
        self.init()
        var reading = Reading(owner: owner)
        for entry in entries { reading.take(entry) }
        self.owner = try reading.owner.permissions(onDirectory: onDirectory, ofOwner: true)
        owningGroup = try reading.owningGroup.permissions(onDirectory: onDirectory)
        other = try reading.other.permissions(onDirectory: onDirectory)
        for (id, decided) in reading.users.sorted(by: { $0.key < $1.key }) {
            users.append((id, try decided.permissions(onDirectory: onDirectory)))
        }
        for (id, decided) in reading.groups.sorted(by: { $0.key < $1.key }) {
            groups.append((id, try decided.permissions(onDirectory: onDirectory)))
        }
        guard !users.isEmpty || !groups.isEmpty else { return }
        let mask = (users + groups).reduce(owningGroup) { $0.union($1.permissions) }
        // Linux looks at no entry when the mask is empty, and takes the users and groups it names for others.
        self.mask = mask.isEmpty ? other : mask
    }

    /// What the entries so far have decided for one user or group: the first to name a right decides on it.
    private struct Decided {
        var allowed: AccessControlEntry.Rights = []
        var denied: AccessControlEntry.Rights = []

        mutating func take(_ effect: AccessControlEntry.Effect, _ rights: AccessControlEntry.Rights) {
            switch effect {
            case .allow: allowed.formUnion(rights.subtracting(denied))
            case .deny: denied.formUnion(rights.subtracting(allowed))
            }
        }

        /// - Throws: `attrnotsupp` when a right is denied that Linux gives everybody, or every owner.
        func permissions(onDirectory: Bool, ofOwner: Bool = false) throws(NFSStatus) -> Permissions {
            guard denied.isDisjoint(with: ofOwner ? everybodys.union(owners) : everybodys) else { throw .attrnotsupp }
            var permissions: Permissions = []
            if allowed.contains(.readData) { permissions.insert(.read) }
            // Who may write may overwrite, append, and in a directory remove: all of it or nothing (§6.2.1.3.1).
            if allowed.isSuperset(of: [.writeData, .appendData]), !onDirectory || !denied.contains(.deleteChild) {
                permissions.insert(.write)
            }
            if allowed.contains(.execute) { permissions.insert(.execute) }
            return permissions
        }
    }

    /// A list read in order. A right denied to a group is denied to everybody who may be a member and does not have it yet: in a
    /// POSIX list an entry of his own, or another group's, would win.
    private struct Reading {
        let ownerID: UInt32?
        var owner = Decided()
        var owningGroup = Decided()
        var other = Decided()
        /// What users and groups start with that are named later.
        var unnamed = Decided()
        var users: [UInt32: Decided] = [:]
        var groups: [UInt32: Decided] = [:]

        init(owner: UInt32?) { ownerID = owner }

        mutating func take(_ entry: AccessControlEntry) {
            switch entry.who {
            case .owner: owner.take(entry.effect, entry.rights)
            case .user(let id):
                users[id, default: unnamed].take(entry.effect, entry.rights)
                // To a POSIX list he is the owner, whatever is said of him by name.
                if entry.effect == .deny, id == ownerID ?? id { owner.take(.deny, entry.rights) }
            case .owningGroup:
                if entry.effect == .deny { denyMembers(entry.rights) }
                owningGroup.take(entry.effect, entry.rights)
            case .group(let id):
                if groups[id] == nil { groups[id] = unnamed }
                if entry.effect == .deny { denyMembers(entry.rights) }
                groups[id]?.take(entry.effect, entry.rights)
            case .everyone:
                owner.take(entry.effect, entry.rights)
                owningGroup.take(entry.effect, entry.rights)
                other.take(entry.effect, entry.rights)
                takeNamed(entry.effect, entry.rights)
            }
        }

        private mutating func denyMembers(_ rights: AccessControlEntry.Rights) {
            owner.take(.deny, rights)
            owningGroup.take(.deny, rights)
            takeNamed(.deny, rights)
        }

        private mutating func takeNamed(_ effect: AccessControlEntry.Effect, _ rights: AccessControlEntry.Rights) {
            unnamed.take(effect, rights)
            for id in users.keys { users[id]?.take(effect, rights) }
            for id in groups.keys { groups[id]?.take(effect, rights) }
        }
    }
}
