import Foundation
import NFSProtocol
import NFSServer

/// Users and groups as the machine knows them: passwd(5), LDAP and whatever else nsswitch.conf(5) names.
package struct SystemNameService: NameService {
    package init() {}

    package func name(of id: UInt32, _ kind: OwnerKind) -> String? {
        switch kind {
        case .user:
            let found = try? Self.find(passwd()) { entry, buffer, size, result in
                getpwuid_r(id, entry, buffer, size, result)
            } name: {
                String(cString: $0.pw_name)
            }
            return found ?? nil
        case .group:
            let found = try? Self.find(group()) { entry, buffer, size, result in
                getgrgid_r(id, entry, buffer, size, result)
            } name: {
                String(cString: $0.gr_name)
            }
            return found ?? nil
        }
    }

    package func id(named name: String, _ kind: OwnerKind) throws(NFSStatus) -> UInt32? {
        switch kind {
        case .user:
            try Self.find(passwd()) { entry, buffer, size, result in
                getpwnam_r(name, entry, buffer, size, result)
            } name: {
                $0.pw_uid
            }
        case .group:
            try Self.find(group()) { entry, buffer, size, result in
                getgrnam_r(name, entry, buffer, size, result)
            } name: {
                $0.gr_gid
            }
        }
    }

    /// Calls one of the functions of getpwnam_r(3), with as large a buffer as it wants.
    /// - Returns: nil when there is no such entry.
    /// - Throws: `delay` when that cannot be told now.
    private static func find<Entry, Value>(
        _ empty: Entry,
        _ function: (UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>) ->
            Int32,
        name value: (Entry) -> Value
    ) throws(NFSStatus) -> Value? {
        var size = 1024
        // A group with all its members can be large.
        while size <= 1 << 20 {
            var entry = empty
            var result: UnsafeMutablePointer<Entry>?
            let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
            defer { buffer.deallocate() }
            switch function(&entry, buffer, size, &result) {
            case 0: return result == nil ? nil : value(entry)
            case ERANGE: size *= 4
            case EINTR: continue
            // The words of some services for "not found".
            case ENOENT, ESRCH, EBADF, EPERM: return nil
            default: throw .delay
            }
        }
        throw .delay
    }
}
