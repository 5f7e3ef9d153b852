import CACL
import Glibc
import NFSProtocol

/// A POSIX access control list (acl(5)), as ext4 and XFS keep it.
struct PosixACL {
    /// The permission bits of one entry, as in a mode.
    struct Permissions: OptionSet {
        let rawValue: UInt32

        static let read = Permissions(rawValue: 4)
        static let write = Permissions(rawValue: 2)
        static let execute = Permissions(rawValue: 1)
    }

    var owner: Permissions = []
    var owningGroup: Permissions = []
    var other: Permissions = []
    var users: [(id: UInt32, permissions: Permissions)] = []
    var groups: [(id: UInt32, permissions: Permissions)] = []
    /// The most that users, groups and the owning group get; nil where no user and no group is named.
    var mask: Permissions?

    init() {}

    /// The list that says what a mode says.
    init(mode: UInt32) {
        owner = Permissions(rawValue: mode >> 6 & 7)
        owningGroup = Permissions(rawValue: mode >> 3 & 7)
        other = Permissions(rawValue: mode & 7)
    }
}

// MARK: The system's library

extension PosixACL {
    enum Kind {
        case access
        /// What is inherited by new files of a directory.
        case `default`

        fileprivate var type: acl_type_t { self == .access ? acl_type_t(ACL_TYPE_ACCESS) : acl_type_t(ACL_TYPE_DEFAULT) }
    }

    static func isSupported(by descriptor: Descriptor) -> Bool {
        guard let list = path(descriptor, { acl_get_file($0, acl_type_t(ACL_TYPE_ACCESS)) }) else { return false }
        acl_free(UnsafeMutableRawPointer(list))
        return true
    }

    /// - Returns: nil for a directory whose new files inherit nothing.
    /// - Throws: `attrnotsupp` where the file system has no such lists.
    init?(of descriptor: Descriptor, _ kind: Kind) throws(NFSStatus) {
        self.init()
        guard let list = Self.path(descriptor, { acl_get_file($0, kind.type) }) else { throw Self.status() }
        defer { acl_free(UnsafeMutableRawPointer(list)) }
        // A list that is not there comes out empty; no other does.
        guard acl_entries(list) > 0 else { return nil }
        var entry: acl_entry_t?
        var position = ACL_FIRST_ENTRY
        while acl_get_entry(list, position, &entry) == 1, let found = entry {
            position = ACL_NEXT_ENTRY
            read(found)
        }
    }

    /// Sets the list as the user the thread acts as. The kernel makes the mode agree with it.
    func set(on descriptor: Descriptor, _ kind: Kind) throws(NFSStatus) {
        guard var list = acl_init(Int32(4 + users.count + groups.count)) else { throw .delay }
        defer { acl_free(UnsafeMutableRawPointer(list)) }
        Self.add(ACL_USER_OBJ, nil, owner, to: &list)
        for user in users { Self.add(ACL_USER, user.id, user.permissions, to: &list) }
        Self.add(ACL_GROUP_OBJ, nil, owningGroup, to: &list)
        for group in groups { Self.add(ACL_GROUP, group.id, group.permissions, to: &list) }
        if let mask { Self.add(ACL_MASK, nil, mask, to: &list) }
        Self.add(ACL_OTHER, nil, other, to: &list)
        guard Self.path(descriptor, { acl_set_file($0, kind.type, list) }) == 0 else { throw Self.status() }
    }

    static func removeDefault(of descriptor: Descriptor) throws(NFSStatus) {
        guard path(descriptor, { acl_delete_def_file($0) }) == 0 else { throw status() }
    }

    private mutating func read(_ entry: acl_entry_t) {
        var tag: acl_tag_t = 0
        var set: acl_permset_t?
        guard acl_get_tag_type(entry, &tag) == 0, acl_get_permset(entry, &set) == 0, let set else { return }
        var permissions: Permissions = []
        if acl_get_perm(set, acl_perm_t(ACL_READ)) == 1 { permissions.insert(.read) }
        if acl_get_perm(set, acl_perm_t(ACL_WRITE)) == 1 { permissions.insert(.write) }
        if acl_get_perm(set, acl_perm_t(ACL_EXECUTE)) == 1 { permissions.insert(.execute) }
        switch tag {
        case ACL_USER_OBJ: owner = permissions
        case ACL_GROUP_OBJ: owningGroup = permissions
        case ACL_OTHER: other = permissions
        case ACL_MASK: mask = permissions
        case ACL_USER: if let id = Self.qualifier(entry) { users.append((id, permissions)) }
        case ACL_GROUP: if let id = Self.qualifier(entry) { groups.append((id, permissions)) }
        default: break
        }
    }

    private static func qualifier(_ entry: acl_entry_t) -> UInt32? {
        guard let pointer = acl_get_qualifier(entry) else { return nil }
        defer { acl_free(pointer) }
        return pointer.load(as: UInt32.self)
    }

    private static func add(_ tag: Int32, _ id: UInt32?, _ permissions: Permissions, to list: inout acl_t) {
        var entry: acl_entry_t?
        var pointer: acl_t? = list
        // Cannot fail: there is room for all, and tags and permissions are the library's own.
        guard acl_create_entry(&pointer, &entry) == 0, let entry, let pointer else { return }
        list = pointer
        acl_set_tag_type(entry, tag)
        if var id { acl_set_qualifier(entry, &id) }
        var set: acl_permset_t?
        guard acl_get_permset(entry, &set) == 0, let set else { return }
        acl_clear_perms(set)
        if permissions.contains(.read) { acl_add_perm(set, acl_perm_t(ACL_READ)) }
        if permissions.contains(.write) { acl_add_perm(set, acl_perm_t(ACL_WRITE)) }
        if permissions.contains(.execute) { acl_add_perm(set, acl_perm_t(ACL_EXECUTE)) }
    }

    /// Calls `body` with a path to a descriptor's file: the library takes no O_PATH descriptor. No name is looked up by it, and no
    /// symbolic link of a client followed.
    private static func path<Result>(_ descriptor: Descriptor, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
        "/proc/self/fd/\(descriptor.number)".withCString(body)
    }

    /// What the library failed with.
    private static func status() -> NFSStatus {
        switch errno {
        case EOPNOTSUPP: .attrnotsupp
        // More entries than the file system has room for.
        case E2BIG, ERANGE: .nospc
        case let code: SystemError(code: code).status
        }
    }
}
