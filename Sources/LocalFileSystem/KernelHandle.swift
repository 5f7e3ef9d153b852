import CLinux
import FileSystem
import Glibc
import NFSProtocol

/// The kernel's own name of a file (name_to_handle_at) inside a `FileHandle`.
///
/// Bytes: the version of this layout, the kernel's handle type, four of the file system's identity, the kernel's handle.
/// The identity keeps a handle from naming a file of another file system: some inode numbers, that of a root directory
/// first of all, exist in each of them with the same generation.
struct KernelHandle {
    private static let version: UInt8 = 1
    static let headLength = 6
    /// What the boundary leaves for a file system's part of a filehandle.
    private static let maximumLength = 48

    var kernel: linux_handle

    /// The handle of an open file.
    /// - Throws: `notsupp` when the file system makes no handles, or none short enough.
    init(of descriptor: Int32) throws(SystemError) {
        kernel = linux_handle()
        try check(linux_get_handle(descriptor, &kernel))
        try requireShort()
    }

    /// The handle of the entry `name` of an open directory, and its status at the same moment.
    /// - Throws: as `init(of:)`, and what `linux_glimpse` fails with.
    init(of name: FileName, in directory: Int32, _ status: inout linux_status) throws(SystemError) {
        kernel = linux_handle()
        try check(name.withCString { linux_glimpse(directory, $0, &status, &kernel) })
        try requireShort()
    }

    /// - Throws: `notsupp` when it does not fit into a `FileHandle`.
    private func requireShort() throws(SystemError) {
        guard Int(kernel.count) <= Self.maximumLength - Self.headLength, (0...0xff).contains(kernel.type) else {
            throw SystemError(code: EOPNOTSUPP)
        }
    }

    /// The mark in a handle made here, for whatever file system.
    static func mark(in handle: FileHandle) -> UInt32? {
        guard handle.count > headLength, handle.count <= maximumLength, handle[0] == version else { return nil }
        return (0..<4).reduce(0) { $0 | UInt32(handle[2 + $1]) << UInt32($1 * 8) }
    }

    /// - Returns: nil when `handle` was not made here for the file system `identity`.
    init?(_ handle: FileHandle, of identity: FileSystemIdentity) {
        guard Self.mark(in: handle) == Self.mark(of: identity) else { return nil }
        let length = handle.count - Self.headLength
        kernel = linux_handle()
        kernel.type = Int32(handle[1])
        kernel.count = UInt32(length)
        withUnsafeMutableBytes(of: &kernel.bytes) { bytes in
            for index in 0..<length { bytes[index] = handle[Self.headLength + index] }
        }
    }

    func handle(of identity: FileSystemIdentity) -> FileHandle {
        var bytes = InlineArray<48, UInt8>(repeating: 0)
        bytes[0] = Self.version
        bytes[1] = UInt8(truncatingIfNeeded: kernel.type)
        let mark = Self.mark(of: identity)
        for index in 0..<4 { bytes[2 + index] = UInt8(truncatingIfNeeded: mark >> UInt32(index * 8)) }
        let length = Int(kernel.count)
        var target = bytes.mutableSpan
        target.withUnsafeMutableBytes { target in
            withUnsafeBytes(of: kernel.bytes) { kernelBytes in
                UnsafeMutableRawBufferPointer(rebasing: target[Self.headLength...]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: kernelBytes[..<length]))
            }
        }
        guard let handle = FileHandle(bytes.span.bytes.extracting(first: Self.headLength + length)) else {
            preconditionFailure("a handle of at most 48 bytes fits into a FileHandle")
        }
        return handle
    }

    /// What handles of files of the file system `identity` have in common.
    static func mark(of identity: FileSystemIdentity) -> UInt32 {
        let folded = identity.high ^ identity.low
        return UInt32(truncatingIfNeeded: folded ^ folded >> 32)
    }
}
