/// The text somebody gave for a setting and where, so that what is wrong with it can be said exactly.
package struct GivenValue {
    package let text: String
    /// Names the place and the setting: `--lease`, `REMUDA_LEASE` or `server.yaml:3: lease`.
    package let origin: String

    package init(text: String, origin: String) {
        self.text = text
        self.origin = origin
    }

    /// The error for this value: `complaint` follows the origin and says what the value must be.
    func mistake(_ complaint: String) -> ConfigurationError {
        ConfigurationError("\(origin) \(complaint), not \(Self.quoted(text))")
    }

    func boolean() throws(ConfigurationError) -> Bool {
        switch text.lowercased() {
        case "true", "yes", "on", "1": return true
        case "false", "no", "off", "0": return false
        default: throw mistake("must be true or false")
        }
    }

    /// One of the raw values of `Choice`.
    func choice<Choice: RawRepresentable & CaseIterable>(of type: Choice.Type) throws(ConfigurationError) -> Choice
    where Choice.RawValue == String {
        guard let choice = Choice(rawValue: text) else {
            throw mistake("must be one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return choice
    }

    /// A whole number in `range`. When it counts bytes, a suffix KiB, MiB or GiB multiplies it.
    func number(in range: ClosedRange<Int>, _ unit: SettingUnit) throws(ConfigurationError) -> Int {
        let value = unit == .bytes ? ByteCount.value(of: text) : Self.decimal(text)
        guard let value, range.contains(value) else {
            throw mistake("must be a whole number\(unit.phrase) from \(unit.text(range.lowerBound)) to \(unit.text(range.upperBound))")
        }
        return value
    }

    /// An absolute path without `.` and `..`, freed of repeated and trailing slashes.
    func absolutePath() throws(ConfigurationError) -> String {
        let components = text.split(separator: "/")
        guard text.hasPrefix("/"), !text.utf8.contains(0), !components.contains(where: { $0 == "." || $0 == ".." }) else {
            throw mistake("must be an absolute path without . and .. in it")
        }
        // NAME_MAX of Linux, which is also what a client may ask LOOKUP for.
        guard components.allSatisfy({ $0.utf8.count <= 255 }) else {
            throw mistake("must be a path whose names have at most 255 bytes")
        }
        return "/" + components.joined(separator: "/")
    }

    /// Only digits: `Int.init` would take a sign as well.
    static func decimal(_ text: some StringProtocol) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }

    /// `text` in quotes on one line, whatever characters are in it.
    static func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar in
            scalar.value < 0x20 || scalar == "\"" || scalar == "\u{7f}" ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return "\"\(escaped.joined())\""
    }
}

/// What a number counts.
package enum SettingUnit: Sendable {
    case seconds
    case bytes
    case pieces

    fileprivate var phrase: String {
        switch self {
        case .seconds: " of seconds"
        case .bytes: " of bytes, KiB, MiB or GiB"
        case .pieces: ""
        }
    }

    package func text(_ value: Int) -> String {
        self == .bytes ? ByteCount.text(of: value) : String(value)
    }
}

/// Byte counts as people write them.
enum ByteCount {
    private static let factors = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]

    static func value(of text: String) -> Int? {
        let (suffix, factor) = factors.first { text.hasSuffix($0.0) } ?? ("", 1)
        guard let count = GivenValue.decimal(text.dropLast(suffix.count)) else { return nil }
        let (value, overflow) = count.multipliedReportingOverflow(by: factor)
        return overflow ? nil : value
    }

    static func text(of value: Int) -> String {
        let (suffix, factor) = factors.first { value >= $0.1 && value % $0.1 == 0 } ?? ("", 1)
        return "\(value / factor)\(suffix)"
    }
}
