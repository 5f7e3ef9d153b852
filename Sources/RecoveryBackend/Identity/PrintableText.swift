extension UInt8 {
    /// True for the bytes that C's `isprint` accepts in the POSIX locale: space to tilde.
    var isPrintable: Bool { (0x20...0x7e).contains(self) }
}

extension String {
    /// True when the text is short enough to be a key of a record and every byte of it satisfies `allowed`.
    func isKey(of length: ClosedRange<Int>, allowing allowed: (UInt8) -> Bool) -> Bool {
        length.contains(utf8.count) && utf8.allSatisfy(allowed)
    }
}
