/// nfsace4: one entry of an access control list (RFC 8881 §6.2.1). Entries for AUDIT and ALARM have no place in it.
package struct AccessControlEntry: Equatable, Sendable {
    /// acetype4 (§6.2.1.1).
    package enum Effect: UInt32, Sendable {
        case allow = 0
        case deny = 1
    }

    /// aceflag4 (§6.2.1.4), as far as it is not part of `who`.
    package struct Flags: OptionSet, Sendable {
        package var rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let fileInherit = Flags(rawValue: 0x1)
        package static let directoryInherit = Flags(rawValue: 0x2)
        package static let noPropagateInherit = Flags(rawValue: 0x4)
        package static let inheritOnly = Flags(rawValue: 0x8)
    }

    /// acemask4 (§6.2.1.3). Some bits have another name on directories.
    package struct Rights: OptionSet, Sendable {
        package var rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        /// ACE4_LIST_DIRECTORY on directories.
        package static let readData = Rights(rawValue: 0x1)
        /// ACE4_ADD_FILE on directories.
        package static let writeData = Rights(rawValue: 0x2)
        /// ACE4_ADD_SUBDIRECTORY on directories.
        package static let appendData = Rights(rawValue: 0x4)
        package static let execute = Rights(rawValue: 0x20)
        package static let deleteChild = Rights(rawValue: 0x40)
        package static let readAttributes = Rights(rawValue: 0x80)
        package static let writeAttributes = Rights(rawValue: 0x100)
        package static let readACL = Rights(rawValue: 0x2_0000)
        package static let writeACL = Rights(rawValue: 0x4_0000)
        package static let writeOwner = Rights(rawValue: 0x8_0000)
        package static let synchronize = Rights(rawValue: 0x10_0000)
        /// Every right NFSv4.1 defines.
        package static let all = Rights(rawValue: 0x1f_07ff)
    }

    /// The users an entry is for (§6.2.1.5).
    package enum Who: Hashable, Sendable {
        /// OWNER@
        case owner
        /// GROUP@
        case owningGroup
        /// EVERYONE@, owner and group among them.
        case everyone
        case user(UInt32)
        case group(UInt32)
    }

    package var effect: Effect
    package var flags: Flags
    package var rights: Rights
    package var who: Who

    package init(_ effect: Effect, _ who: Who, _ rights: Rights, flags: Flags = []) {
        self.effect = effect
        self.flags = flags
        self.rights = rights
        self.who = who
    }
}
