/// A journal as text: one line for each change, `CHECKSUM NUMBER CHANGE`, where the checksum is of what follows it and the
/// numbers count from 1.
enum JournalText {
    static func line(_ change: JournalChange, number: Int) -> [UInt8] {
        let body = Array("\(number) \(change.text)".utf8)
        return Array(checksum(body).utf8) + [UInt8(ascii: " ")] + body + [UInt8(ascii: "\n")]
    }

    /// What could be read of a journal.
    struct Content {
        var changes: [JournalChange] = []
        /// The bytes of the lines that `changes` stand in. What follows is the rest of a line whose writing was interrupted.
        var length = 0
    }

    /// - Throws: when a line that others follow is damaged: what was written last is all that may be incomplete, as a line is
    ///   written only when the one before it is on stable storage.
    static func read(_ bytes: [UInt8], path: String) throws(JournalError) -> Content {
        var content = Content()
        var rest = bytes[...]
        var isDamaged = false
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[..<end]
            rest = rest[(end + 1)...]
            guard let (number, text) = body(of: line) else {
                isDamaged = true
                continue
            }
            guard !isDamaged, number == content.changes.count + 1 else { throw damaged(path, line: content.changes.count + 1) }
            guard let change = JournalChange(text: text), (change.name == "journal") == (number == 1) else {
                throw JournalError(
                    "the journal of client records \(path) has the line \"\(text)\", which this version of the server does not know: "
                        + "start the version that wrote it")
            }
            content.changes.append(change)
            content.length = end + 1
        }
        if content.changes.isEmpty { throw damaged(path, line: 1) }
        return content
    }

    private static func damaged(_ path: String, line: Int) -> JournalError {
        JournalError(
            "the journal of client records \(path) is damaged in line \(line), so who may take back files and locks is not known: restore "
                + "it, or move it away to let the recovery backend alone decide or, without one, to have all clients lose them")
    }

    /// The number and the change in a line.
    /// - Returns: nil when its checksum is not right.
    private static func body(of line: ArraySlice<UInt8>) -> (number: Int, text: Substring)? {
        guard line.count > 9, line[line.startIndex + 8] == UInt8(ascii: " ") else { return nil }
        let body = line.dropFirst(9)
        guard line.prefix(8).elementsEqual(checksum(body).utf8) else { return nil }
        let words = String(decoding: body, as: UTF8.self).split(separator: " ", maxSplits: 1)
        guard words.count == 2, let number = Int(words[0]) else { return nil }
        return (number, words[1])
    }

    /// CRC-32C in eight digits.
    private static func checksum(_ bytes: some Sequence<UInt8>) -> String {
        var remainder: UInt32 = ~0
        for byte in bytes { remainder = table[Int(UInt8(truncatingIfNeeded: remainder) ^ byte)] ^ remainder >> 8 }
        let digits = String(~remainder, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0x82f6_3b78 }
    }
}
