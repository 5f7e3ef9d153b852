/// A block of a configuration file of NFS-Ganesha: a name, and in braces parameters and further blocks (ganesha-config(8)).
package struct GaneshaBlock: Equatable {
    package let name: String
    package let place: Place
    package internal(set) var parameters: [Parameter] = []
    package internal(set) var blocks: [GaneshaBlock] = []

    /// Where something stands.
    package struct Place: Equatable, CustomStringConvertible {
        package let file: String
        package let line: Int

        package init(file: String, line: Int) {
            self.file = file
            self.line = line
        }

        var position: String { "\(file):\(line)" }

        /// As it stands in front of a complaint.
        package var description: String { "\(position):" }
    }

    /// `NAME = VALUE, VALUE;`
    package struct Parameter: Equatable {
        package let name: String
        /// Never empty.
        package let values: [String]
        package let place: Place
    }
}

extension GaneshaBlock {
    /// Reads the blocks of a file and of those it includes, as the blocks of one without a name.
    /// - Throws: the first mistake in its form.
    package init(fileAt path: String) throws(ConfigurationError) {
        var parser = GaneshaParser()
        self.init(name: "", place: Place(file: path, line: 1))
        try parser.read(path, into: &self, depth: 0, from: nil)
    }
}

/// Puts blocks together, from a file and those it includes. However a file is made, it takes bounded memory.
private struct GaneshaParser {
    /// Blocks in blocks, and files in files.
    private static let maximumDepth = 16
    private static let maximumFiles = 256
    private static let maximumBytes = 4 << 20

    private var (filesLeft, bytesLeft) = (Self.maximumFiles, Self.maximumBytes)
    /// The files that include the one being read, and that one.
    private var reading: [String] = []

    /// - Parameter place: where the file is included.
    mutating func read(_ path: String, into block: inout GaneshaBlock, depth: Int, from place: GaneshaBlock.Place?)
        throws(ConfigurationError)
    {
        let prefix = place.map { "\($0) " } ?? ""
        let real = RegularFile.realPath(path) ?? path
        guard !reading.contains(real) else { throw ConfigurationError("\(prefix)\(path) includes itself: remove the %include") }
        guard reading.count < Self.maximumDepth, filesLeft > 0 else {
            throw ConfigurationError(
                "\(prefix)\(path) is one file too many: include at most \(Self.maximumFiles), and \(Self.maximumDepth) in each other")
        }
        let content: [UInt8]
        do throws(RegularFile.Failure) {
            content = try RegularFile.content(of: path, atMost: bytesLeft)
        } catch {
            throw ConfigurationError("\(prefix)configuration file \(path): \(error.reason)")
        }
        guard let text = String(validating: content, as: UTF8.self), !content.contains(0) else {
            throw ConfigurationError("\(prefix)configuration file \(path) must be UTF-8 text")
        }
        filesLeft -= 1
        bytesLeft -= content.count
        reading.append(real)
        var words = GaneshaWords(text, file: path)
        try readStatements(&words, into: &block, depth: depth, isFile: true)
        reading.removeLast()
    }

    /// Reads up to the end of the file or of the block.
    private mutating func readStatements(
        _ words: inout GaneshaWords, into block: inout GaneshaBlock, depth: Int, isFile: Bool
    ) throws(ConfigurationError) {
        while true {
            let word = try words.next()
            let place = words.place
            switch word {
            case .end:
                guard isFile else {
                    throw ConfigurationError("\(block.place) the block \(GivenValue.quoted(block.name)) has no end: add }")
                }
                return
            case .symbol("}"):
                guard !isFile else { throw ConfigurationError("\(place) there is no block to end here: remove the }") }
                return
            case .text(let directive) where directive.hasPrefix("%"):
                try include(directive.lowercased(), &words, place, into: &block, depth: depth)
            case .text(let name): try readStatement(name, place, &words, into: &block, depth: depth)
            default: throw ConfigurationError("\(place) a name of a block or a parameter must stand here, not \(word)")
            }
        }
    }

    private mutating func readStatement(
        _ name: String, _ place: GaneshaBlock.Place, _ words: inout GaneshaWords, into block: inout GaneshaBlock, depth: Int
    ) throws(ConfigurationError) {
        switch try words.next() {
        case .symbol("{"):
            guard depth < Self.maximumDepth else {
                throw ConfigurationError(
                    "\(place) \(GivenValue.quoted(name)) is too deep inside other blocks: at most \(Self.maximumDepth)")
            }
            var inner = GaneshaBlock(name: name, place: place)
            try readStatements(&words, into: &inner, depth: depth + 1, isFile: false)
            block.blocks.append(inner)
        case .symbol("="):
            block.parameters.append(GaneshaBlock.Parameter(name: name, values: try values(of: name, &words), place: place))
        case let other:
            throw ConfigurationError("\(place) behind \(GivenValue.quoted(name)) must follow = or {, not \(other)")
        }
    }

    private func values(of name: String, _ words: inout GaneshaWords) throws(ConfigurationError) -> [String] {
        var values: [String] = []
        while true {
            let word = try words.next()
            guard let value = word.value else {
                throw ConfigurationError("\(words.place) \(name) needs a value here, not \(word)")
            }
            values.append(value)
            let place = words.place
            switch try words.next() {
            case .symbol(","): continue
            case .symbol(";"): return values
            default: throw ConfigurationError("\(place) behind the value \(GivenValue.quoted(value)) of \(name) must follow ; or a comma")
            }
        }
    }

    private mutating func include(
        _ directive: String, _ words: inout GaneshaWords, _ place: GaneshaBlock.Place, into block: inout GaneshaBlock, depth: Int
    ) throws(ConfigurationError) {
        let word = try words.next()
        guard let name = word.value else { throw ConfigurationError("\(place) \(directive) needs the name of a file, not \(word)") }
        let path = name.hasPrefix("/") ? name : RegularFile.directory(of: place.file) + name
        switch directive {
        case "%include": try read(path, into: &block, depth: depth, from: place)
        case "%dir":
            guard let names = RegularFile.names(in: path) else {
                throw ConfigurationError("\(place) %dir \(path) cannot be read: name a directory")
            }
            for name in names { try read("\(path)/\(name)", into: &block, depth: depth, from: place) }
        default:
            throw ConfigurationError("\(place) \(GivenValue.quoted(directive)) is not offered: use %include FILE or %dir DIRECTORY")
        }
    }
}

/// The words of a file, one after the other.
private struct GaneshaWords {
    enum Word: CustomStringConvertible {
        case text(String)
        case string(String)
        case symbol(Character)
        case end

        /// What it is as a value.
        var value: String? {
            switch self {
            case .text(let text), .string(let text): text
            case .symbol, .end: nil
            }
        }

        var description: String {
            switch self {
            case .text(let text), .string(let text): GivenValue.quoted(text)
            case .symbol(let symbol): GivenValue.quoted(String(symbol))
            case .end: "the end of the file"
            }
        }
    }

    private let file: String
    private var rest: Substring.UnicodeScalarView
    private var line = 1
    private var wordLine = 1

    init(_ text: String, file: String) {
        self.file = file
        rest = text[...].unicodeScalars
    }

    /// Where the last word began.
    var place: GaneshaBlock.Place { GaneshaBlock.Place(file: file, line: wordLine) }

    mutating func next() throws(ConfigurationError) -> Word {
        skipBlanks()
        wordLine = line
        guard let first = rest.first else { return .end }
        switch first {
        case "{", "}", "=", ",", ";":
            rest.removeFirst()
            return .symbol(Character(first))
        case "\"", "'":
            rest.removeFirst()
            return .string(try string(endingIn: first))
        default:
            let end = rest.firstIndex { "{}=,;#\"'".unicodeScalars.contains($0) || $0.properties.isWhitespace } ?? rest.endIndex
            defer { rest = rest[end...] }
            return .text(String(rest[..<end]))
        }
    }

    private mutating func skipBlanks() {
        while let first = rest.first {
            if first == "#" {
                rest = rest.firstIndex(of: "\n").map { rest[$0...] } ?? rest[rest.endIndex...]
            } else if first.properties.isWhitespace {
                if first == "\n" { line += 1 }
                rest.removeFirst()
            } else {
                return
            }
        }
    }

    /// Reads the rest of a string. In double quotes a backslash takes the meaning from the character behind it.
    private mutating func string(endingIn quote: Unicode.Scalar) throws(ConfigurationError) -> String {
        var text = String.UnicodeScalarView()
        while let scalar = rest.popFirst(), scalar != "\n" {
            if scalar == quote { return String(text) }
            if scalar == "\\", quote == "\"", let escaped = rest.first, escaped != "\n" {
                text.append(escaped)
                rest.removeFirst()
            } else {
                text.append(scalar)
            }
        }
        throw ConfigurationError("\(place) a string has no end on its line: add \(quote)")
    }
}
