import CLinux
import Glibc
import NFSProtocol

/// What a system call refused with, an errno.
struct SystemError: Error, Equatable {
    let code: Int32

    /// Whether the process or the system has no descriptor left.
    var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }

    /// The one place where errno becomes nfsstat4 (RFC 8881 §15.1).
    var status: NFSStatus {
        switch code {
        case EPERM: .perm
        case ENOENT: .noent
        case EIO: .io
        case ENXIO, ENODEV: .nxio
        // A file that is being executed, or a name something is mounted on: no right to it as long as that lasts.
        case EACCES, ETXTBSY, EBUSY: .access
        case EEXIST: .exist
        case EXDEV: .xdev
        case ENOTDIR: .notdir
        case EISDIR: .isdir
        case EINVAL: .inval
        case EFBIG: .fbig
        case ENOSPC: .nospc
        case EROFS: .rofs
        case EMLINK: .mlink
        case ENAMETOOLONG: .nametoolong
        case ENOTEMPTY: .notempty
        case EDQUOT: .dquot
        case ESTALE: .stale
        case ELOOP: .symlink
        case EOPNOTSUPP, ENOSYS, ENOTTY: .notsupp
        case EAGAIN, ENOMEM, EMFILE, ENFILE, EINTR: .delay
        case EFAULT, EBADF: .serverfault
        default: .io
        }
    }

    /// The system's words for it.
    var description: String { String(cString: strerror(code)) }
}

/// The result of a call that returns a negated errno on failure.
@discardableResult
func check<Value: SignedInteger>(_ result: Value) throws(SystemError) -> Value {
    guard result >= 0 else { throw SystemError(code: Int32(-result)) }
    return result
}

/// `check` where nothing but the status matters.
@discardableResult
func require<Value: SignedInteger>(_ result: Value) throws(NFSStatus) -> Value {
    guard result >= 0 else { throw SystemError(code: Int32(-result)).status }
    return result
}
