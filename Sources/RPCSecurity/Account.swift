import Glibc
import NFSProtocol

/// A user of the machine.
package struct Account: Sendable, Equatable {
    package let uid: UInt32
    package let gid: UInt32
    /// Every group the user is in, `gid` among them.
    package let groups: [UInt32]

    package init(uid: UInt32, gid: UInt32, groups: [UInt32]) {
        self.uid = uid
        self.gid = gid
        self.groups = groups
    }

    /// - Returns: nil when there is no such user.
    /// - Throws: `delay` when that cannot be told now.
    package static func named(_ name: String) throws(NFSStatus) -> Account? {
        guard !name.isEmpty, !name.utf8.contains(0) else { return nil }
        return try find { getpwnam_r(name, $0, $1, $2, $3) }
    }

    /// The same by number.
    package static func numbered(_ uid: UInt32) throws(NFSStatus) -> Account? { try find { getpwuid_r(uid, $0, $1, $2, $3) } }

    private static func find(
        _ function: (UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>) ->
            Int32
    ) throws(NFSStatus) -> Account? {
        let entry = try SystemDatabase.find(passwd(), function) { (name: String(cString: $0.pw_name), uid: $0.pw_uid, gid: $0.pw_gid) }
        guard let entry else { return nil }
        return Account(uid: entry.uid, gid: entry.gid, groups: groups(of: entry.name, gid: entry.gid))
    }

    /// The most groups the kernel lets anybody be in.
    private static let maximumGroups: Int32 = 65536

    private static func groups(of name: String, gid: gid_t) -> [UInt32] {
        var groups = [gid_t](repeating: 0, count: 64)
        while true {
            var count = Int32(groups.count)
            guard getgrouplist(name, gid, &groups, &count) < 0, groups.count < maximumGroups else {
                return Array(groups.prefix(Int(count)))
            }
            // Not every service tells how many there are.
            groups = [gid_t](repeating: 0, count: Int(min(max(count, 2 * Int32(groups.count)), maximumGroups)))
        }
    }
}
