import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// Lets what a stream has left behind go from the page cache while the process is short of memory: in a container files' pages count
/// as its own, and pages that are still to be written cannot be taken back at once when something else needs them.
///
/// A stream is whoever goes from one block of an open file to the next.
struct DropBehind: ~Copyable {
    /// In bytes: large enough that reads of a client that come in another order than they were sent stay within two blocks.
    static let block: Int64 = 8 << 20

    enum Direction {
        case reading, writing
    }

    private let latest = Atomic<Int64>(-1)

    /// Notes that the bytes from `offset` on are read or written next.
    /// - Throws: `wouldBlock` when pages are to go, which may wait for the device, and `mayBlock` is false.
    func pass(_ offset: Int64, _ direction: Direction, in file: Descriptor, of volume: Volume, mayBlock: Bool) throws(NFSStatus) {
        let block = offset / Self.block
        let before = latest.load(ordering: .relaxed)
        // One back is a request that was overtaken.
        guard block != before, block != before - 1 else { return }
        if block == before + 1, volume.isMemoryShort() {
            guard mayBlock else { throw .wouldBlock }
            switch direction {
            case .reading: drop(block - 2, file)
            case .writing:
                // Asked once, pages are on their way to the device; those of which they are there by now go.
                drop(block - 1, file)
                drop(block - 4, file)
            }
        }
        latest.store(block, ordering: .relaxed)
    }

    /// It is advice: to follow it or not is the kernel's choice. What is still to be written is not lost, and an error in writing it is
    /// told to the next flush.
    private func drop(_ block: Int64, _ file: Descriptor) {
        guard block >= 0 else { return }
        posix_fadvise(file.number, off_t(block * Self.block), off_t(Self.block), POSIX_FADV_DONTNEED)
    }
}
