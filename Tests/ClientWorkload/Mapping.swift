import Glibc

/// A shared mapping of a range of a file, unmapped when it goes.
struct Mapping: ~Copyable {
    private let start: UnsafeMutableRawPointer
    private let length: Int
    /// The bytes of the range that was asked for.
    let bytes: UnsafeMutableRawBufferPointer

    init(_ file: borrowing File, _ range: Range<Int>) throws {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let aligned = range.lowerBound / page * page
        length = range.upperBound - aligned
        guard
            let start = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, off_t(aligned)),
            start != MAP_FAILED
        else { throw Failure(call: "mmap \(file.path)") }
        self.start = start
        bytes = UnsafeMutableRawBufferPointer(start: start + (range.lowerBound - aligned), count: range.count)
    }

    deinit {
        munmap(start, length)
    }

    func sync() throws {
        try check(msync(start, length, MS_SYNC), "msync")
    }
}
