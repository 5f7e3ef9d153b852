/// One change of the journal, as it stands in a line of it.
package enum JournalChange: Equatable, Sendable {
    /// A journal begins: its name, which a journal that replaces it does not have.
    case journal(lineage: String)
    /// An instance of the server begins. These clients may reclaim from it and, until its own record is in force, from the
    /// instance after it.
    case begin(instance: UInt64, listed: Set<[UInt8]>)
    /// Clients are put on the record of the instance.
    case add(Set<[UInt8]>)
    /// A client is taken off the record of the instance.
    case remove([UInt8])
    /// The record of the instance is put in force.
    case activate
    /// The recovery backend has this instance's record in force.
    case confirm
    /// The server stops as planned. Of the clients in force only these hold something they could reclaim.
    case stop(holding: Set<[UInt8]>)

    /// The name of the change in the file.
    package var name: String {
        switch self {
        case .journal: "journal"
        case .begin: "begin"
        case .add: "add"
        case .remove: "remove"
        case .activate: "activate"
        case .confirm: "confirm"
        case .stop: "stop"
        }
    }

    /// Where a test may end the process while the change is appended. A `journal` is not: it comes with a whole file.
    var crashPoints: (torn: CrashPoint, written: CrashPoint, durable: CrashPoint) {
        switch self {
        case .journal, .begin: (.beginTorn, .beginWritten, .beginDurable)
        case .add: (.addTorn, .addWritten, .addDurable)
        case .remove: (.removeTorn, .removeWritten, .removeDurable)
        case .activate: (.activateTorn, .activateWritten, .activateDurable)
        case .confirm: (.confirmTorn, .confirmWritten, .confirmDurable)
        case .stop: (.stopTorn, .stopWritten, .stopDurable)
        }
    }

    private var arguments: [String] {
        switch self {
        case .journal(let lineage): ["1", lineage]
        case .begin(let instance, let listed): [String(instance)] + Self.words(listed)
        case .add(let owners), .stop(let owners): Self.words(owners)
        case .remove(let owner): Self.words([owner])
        case .activate, .confirm: []
        }
    }

    /// In an order, so that equal changes are equal text.
    private static func words(_ owners: Set<[UInt8]>) -> [String] { owners.map(JournalWord.encode).sorted() }

    /// The text of the change.
    var text: String { ([name] + arguments).joined(separator: " ") }

    /// - Returns: nil when the text is no change this program knows.
    init?(text: Substring) {
        let words = text.split(separator: Character(" "), omittingEmptySubsequences: false).map(String.init)
        var owners: Set<[UInt8]> = []
        func readOwners(_ words: some Sequence<String>) -> Bool {
            for word in words {
                guard let owner = JournalWord.decode(word) else { return false }
                owners.insert(owner)
            }
            return true
        }
        switch words[0] {
        case "journal" where words.count == 3 && words[1] == "1": self = .journal(lineage: words[2])
        case "begin" where words.count >= 2:
            guard let instance = UInt64(words[1]), readOwners(words.dropFirst(2)) else { return nil }
            self = .begin(instance: instance, listed: owners)
        case "add" where readOwners(words.dropFirst()): self = .add(owners)
        case "stop" where readOwners(words.dropFirst()): self = .stop(holding: owners)
        case "remove" where words.count == 2:
            guard let owner = JournalWord.decode(words[1]) else { return nil }
            self = .remove(owner)
        case "activate" where words.count == 1: self = .activate
        case "confirm" where words.count == 1: self = .confirm
        default: return nil
        }
    }
}

/// A client's owner string (co_ownerid) as a word: a colon, then its bytes, those that are not printable as `%` and two digits.
enum JournalWord {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ owner: [UInt8]) -> String {
        var word: [UInt8] = [UInt8(ascii: ":")]
        for byte in owner {
            if (0x21...0x7e).contains(byte), byte != UInt8(ascii: "%") {
                word.append(byte)
            } else {
                word += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: word, as: UTF8.self)
    }

    static func decode(_ word: String) -> [UInt8]? {
        var rest = Array(word.utf8)[...]
        guard rest.popFirst() == UInt8(ascii: ":") else { return nil }
        var owner: [UInt8] = []
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                owner.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(digits.firstIndex), let low = rest.popFirst().flatMap(digits.firstIndex) else {
                return nil
            }
            owner.append(UInt8(high << 4 | low))
        }
        return owner
    }
}
