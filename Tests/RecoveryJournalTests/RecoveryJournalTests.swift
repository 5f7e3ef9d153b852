import Foundation
import RecoveryJournal
import Testing

@Suite("The journal of client records")
final class RecoveryJournalTests {
    private let directory = "\(NSTemporaryDirectory())/journal-tests-\(UUID().uuidString)"
    private var path: String { "\(directory)/journal" }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    private func owner(_ name: String) -> [UInt8] { Array(name.utf8) }

    private func bytes() throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }

    private func write(_ bytes: some Sequence<UInt8>) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    /// What a process that opens the journal now finds.
    private func state() throws -> JournalState? { try RecoveryJournal(in: directory).state }

    private func problem(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("a record that was not put in force leaves the one before it in force")
    func instances() throws {
        do {
            let first = try RecoveryJournal(in: directory)
            #expect(first.state == nil)
            try first.begin(listed: [])
            try first.append(.add([owner("one"), owner("two")]))
            try first.append(.activate)
            try first.append(.add([[], [0, 0x25, 0x20, 0xff, 0x0a]]))
            try first.append(.remove(owner("one")))
        }
        let listed: Set<[UInt8]> = [owner("two"), [], [0, 0x25, 0x20, 0xff, 0x0a]]
        for instance in 2...4 as ClosedRange<UInt64> {
            let next = try RecoveryJournal(in: directory)
            #expect(next.state?.inForce == listed)
            try next.begin(listed: listed)
            try next.append(.add([owner("three")]))
            try next.append(.remove(owner("two")))
            #expect(next.state?.instance == instance)
        }
        let last = try RecoveryJournal(in: directory)
        try last.begin(listed: listed)
        try last.append(.add([owner("three"), owner("four")]))
        try last.append(.activate)
        try last.append(.stop(holding: [owner("four")]))
        #expect(last.state?.inForce == [owner("four")])
    }

    @Test("a write that was interrupted after any number of bytes is there as a whole or not at all")
    func tornTail() throws {
        var states: [JournalState?] = []
        var lengths: [Int] = []
        do {
            let journal = try RecoveryJournal(in: directory)
            try journal.begin(listed: [owner("zero")])
            let changes: [JournalChange] = [
                .add([owner("one")]), .activate, .remove(owner("one")), .begin(instance: 2, listed: [owner("one")]),
            ]
            for change in [nil] + changes.map(Optional.some) {
                if let change { try journal.append(change) }
                states.append(journal.state)
                lengths.append(try bytes().count)
            }
        }
        let whole = try bytes()
        for length in lengths[0]...whole.count {
            let complete = try #require(lengths.lastIndex { $0 <= length })
            for tail in [[], [UInt8](repeating: 0, count: 7), Array("\u{0}\n".utf8)] {
                try write(whole[..<length] + tail)
                #expect(try state() == states[complete], "\(length) bytes")
                #expect(try bytes().count == lengths[complete])
            }
        }
    }

    @Test("after the rest of an interrupted write is cut off the journal goes on")
    func goesOn() throws {
        do {
            let journal = try RecoveryJournal(in: directory)
            try journal.begin(listed: [])
            try journal.append(.activate)
        }
        try write(bytes() + Array("0123".utf8))
        try RecoveryJournal(in: directory).append(.add([owner("one")]))
        #expect(try state()?.inForce == [owner("one")])
    }

    @Test("a changed byte before the last line is refused, with the file, the line and the way out")
    func damage() throws {
        do {
            let journal = try RecoveryJournal(in: directory)
            try journal.begin(listed: [])
            for name in ["one", "two", "three"] { try journal.append(.add([owner(name)])) }
        }
        let whole = try bytes()
        let lastLine = try #require(whole.dropLast().lastIndex(of: UInt8(ascii: "\n")))
        // Without the end of its line the last but one belongs to the last, which may be the rest of an interrupted write.
        for index in 0..<lastLine {
            var damaged = whole
            damaged[index] ^= 0x20
            try write(damaged)
            let problem = problem { _ = try state() }
            #expect(problem.contains("\(path) is damaged in line "), "byte \(index)")
            #expect(problem.contains("restore it, or move it away"))
        }
        let lines = whole.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        try write((lines[..<2] + lines[3...]).joined(separator: [UInt8(ascii: "\n")]))
        #expect(problem { _ = try state() }.contains("damaged in line 3"))
        try write([])
        #expect(problem { _ = try state() }.contains("damaged in line 1"))
    }

    @Test("its length is bounded by what it says, and what it says does not change")
    func bounded() throws {
        let journal = try RecoveryJournal(in: directory)
        try journal.begin(listed: [])
        try journal.append(.activate)
        try journal.append(.add([owner("stays")]))
        try journal.append(.confirm)
        let name = String(repeating: "name", count: 250)
        for _ in 0..<500 {
            try journal.append(.add([owner(name)]))
            try journal.append(.remove(owner(name)))
            #expect(try bytes().count < 68 << 10)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["journal"])
        let (lineage, instance) = (journal.state?.lineage, journal.state?.instance)
        #expect(journal.state?.inForce == [owner("stays")])
        try write(bytes())
        let copy = try #require(JournalCopy(of: directory))
        #expect(copy.state?.inForce == [owner("stays")])
        #expect(copy.state?.wasConfirmed == true)
        #expect(copy.state?.lineage == lineage)
        #expect(copy.state?.instance == instance)
    }

    @Test("one process at a time has it")
    func exclusive() throws {
        let journal = try RecoveryJournal(in: directory)
        #expect(problem { _ = try state() }.contains("belongs to another server"))
        try journal.begin(listed: [])
    }

    @Test("a directory that others may write is refused")
    func othersDirectory() throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: directory)
        #expect(problem { _ = try state() }.contains("can be written by others"))
    }

    @Test("a journal of another format is refused")
    func otherFormat() throws {
        _ = try state()
        // The checksum is that of the text behind it.
        try write(Array("1e5d5ee8 1 journal 2 x\n".utf8))
        #expect(!problem { _ = try state() }.isEmpty)
    }
}

/// What another process would read, while this one has the journal open.
private struct JournalCopy {
    let state: JournalState?

    init?(of directory: String) {
        let copy = "\(directory)-copy"
        defer { try? FileManager.default.removeItem(atPath: copy) }
        guard (try? FileManager.default.copyItem(atPath: directory, toPath: copy)) != nil else { return nil }
        state = (try? RecoveryJournal(in: copy))?.state ?? nil
    }
}
