import CLinux
import FileSystem

extension FileSystemIdentity {
    /// f_type of ext2, ext3 and ext4.
    static let ext4: UInt64 = 0xEF53

    /// The identity of the file system a descriptor, not an O_PATH one, lies on.
    ///
    /// It must come out the same on every kernel the volume may move to. So ext4, whose UUID older kernels do not tell,
    /// always goes by f_fsid, which is its UUID folded; XFS, whose f_fsid is a device number, by its UUID; others by the
    /// UUID where the kernel tells it and else by f_fsid.
    init(of descriptor: Int32, type: UInt64) {
        var uuid = InlineArray<16, UInt8>(repeating: 0)
        var bytes = uuid.mutableSpan
        guard type != Self.ext4, bytes.withUnsafeMutableBufferPointer({ linux_uuid(descriptor, $0.baseAddress) }) == 0 else {
            self.init(high: linux_fsid(descriptor), low: 0)
            return
        }
        let words = uuid.span.bytes
        self.init(
            high: UInt64(bigEndian: words.unsafeLoadUnaligned(as: UInt64.self)),
            low: UInt64(bigEndian: words.unsafeLoadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
}
