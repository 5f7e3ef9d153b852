import CLinux
import FileSystem
import Glibc
import NFSProtocol

extension LocalNode {
    func open(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        try requireRegular()
        let descriptor = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        if access.contains(.write) {
            try require(linux_access(descriptor.number, access.contains(.read) ? R_OK | W_OK : W_OK))
        } else if try !permits(R_OK, descriptor), try !permits(X_OK, descriptor) {
            // Who may execute a file may read it: the client has to, to execute it (RFC 8881 §6.2.1.3.2).
            throw .access
        }
        return try openGranted(access, caller)
    }

    func openGranted(_ access: ShareAccess, _ caller: Caller) throws(NFSStatus) -> any OpenFile {
        try requireRegular()
        _ = try descriptor(for: access.contains(.write) ? .write : .read, mayBlock: caller.mayBlock)
        return LocalOpenFile(self, openedBy: caller.credentials)
    }

    private func requireRegular() throws(NFSStatus) {
        switch type {
        case .regular: return
        case .directory: throw .isdir
        case .symbolicLink: throw .symlink
        default: throw .wrongType
        }
    }
}
