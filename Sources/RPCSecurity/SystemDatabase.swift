import Glibc
import NFSProtocol

/// passwd(5), group(5), LDAP and whatever else nsswitch.conf(5) names.
package enum SystemDatabase {
    /// Calls one of the functions of getpwnam_r(3), with as large a buffer as it wants.
    /// - Returns: nil when there is no such entry.
    /// - Throws: `delay` when that cannot be told now.
    package static func find<Entry, Value>(
        _ empty: Entry,
        _ function: (UnsafeMutablePointer<Entry>, UnsafeMutablePointer<CChar>, Int, UnsafeMutablePointer<UnsafeMutablePointer<Entry>?>) ->
            Int32,
        value: (Entry) -> Value
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
