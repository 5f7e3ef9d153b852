import Foundation
import NFSServer
import Yams

/// What a YAML configuration file says: a mapping of setting names to values, everything checked for its shape.
package struct ConfigurationFile {
    /// The text of each setting but `export`.
    private(set) var texts: [Setting: [String]] = [:]
    /// The exports; nil when the file lists none.
    private(set) var exports: [ExportConfiguration]?
    private var lines: [Setting: Int] = [:]
    private let name: String

    /// Reads the file at `path`. Problems of single keys are added to `problems`.
    ///
    /// - Throws: when there is no such file or it is no YAML mapping.
    init(path: String, problems: inout ConfigurationProblems) throws(ConfigurationError) {
        name = path
        let pairs: Node.Mapping
        switch try Self.root(ofFileAt: path) {
        case .none: return
        case .mapping(let mapping): pairs = mapping
        case .some(let node) where node.isEmpty: return
        case .some: throw ConfigurationError("\(path) must hold lines of the form \"name: value\"")
        }
        for (key, value) in pairs {
            _ = problems.attempt { () throws(ConfigurationError) in try read(key: key, value: value) }
        }
    }

    /// Names the place of `setting` in the file.
    func origin(of setting: Setting) -> String {
        Self.origin(name, line: lines[setting], setting.rawValue)
    }

    private static func origin(_ name: String, line: Int?, _ key: String) -> String {
        "\(name):\(line.map { "\($0):" } ?? "") \(key)"
    }

    private mutating func read(key: Node, value: Node) throws(ConfigurationError) {
        let setting: Setting = try known(key)
        lines[setting] = key.mark?.line
        let origin = origin(of: setting)
        if setting == .export {
            exports = try exports(value, origin)
        } else if setting.description.isList {
            texts[setting] = try Self.list(value, origin)
        } else {
            texts[setting] = [try Self.scalar(value, origin)]
        }
    }

    /// The member of `Key` that the node names.
    private func known<Key: RawRepresentable & CaseIterable>(_ key: Node) throws(ConfigurationError) -> Key where Key.RawValue == String {
        let text = key.string ?? ""
        guard let known = Key(rawValue: text) else {
            let suggestion = suggestion(for: text, among: Key.allCases.map(\.rawValue))
            throw ConfigurationError(Self.origin(name, line: key.mark?.line, "unknown key \(GivenValue.quoted(text)): \(suggestion)"))
        }
        return known
    }

    private static func scalar(_ node: Node, _ origin: String) throws(ConfigurationError) -> String {
        guard let scalar = node.scalar else {
            throw ConfigurationError("\(origin) must be one value, not a \(node.sequence != nil ? "list" : "mapping")")
        }
        guard !node.isEmpty else {
            throw ConfigurationError("\(origin) has no value: write one after the colon or remove the line")
        }
        return scalar.string
    }

    /// A list of values; a value alone is a list of one.
    private static func list(_ node: Node, _ origin: String) throws(ConfigurationError) -> [String] {
        guard let sequence = node.sequence else { return [try scalar(node, origin)] }
        var texts: [String] = []
        for element in sequence {
            texts.append(try scalar(element, origin))
        }
        guard !texts.isEmpty else {
            throw ConfigurationError("\(origin) is an empty list: list something or remove the line")
        }
        return texts
    }
}

extension ConfigurationFile {
    /// The keys of one export.
    package enum ExportKey: String, CaseIterable {
        case path
        case pseudo
        case readOnly = "read-only"
        case squash
        case anonymousUID = "anonymous-uid"
        case anonymousGID = "anonymous-gid"
        case allowedNetworks = "allowed-networks"
        case sync
        case crossMounts = "cross-mounts"
        case utf8Only = "utf8-only"
        case allowUnmounted = "allow-unmounted"
    }

    private func exports(_ node: Node, _ origin: String) throws(ConfigurationError) -> [ExportConfiguration] {
        let elements = node.sequence.map(Array.init) ?? [node]
        var problems = ConfigurationProblems()
        let exports = elements.compactMap { element in
            problems.attempt { () throws(ConfigurationError) in try export(element) }
        }
        try problems.throwIfAny()
        return exports
    }

    private func export(_ node: Node) throws(ConfigurationError) -> ExportConfiguration {
        let ownOrigin = Self.origin(name, line: node.mark?.line, Setting.export.rawValue)
        guard let mapping = node.mapping else {
            return try ExportConfiguration(GivenValue(text: try Self.scalar(node, ownOrigin), origin: ownOrigin))
        }
        var values: [ExportKey: Node] = [:]
        for (key, value) in mapping {
            let known: ExportKey = try known(key)
            values[known] = value
        }
        func origin(of key: ExportKey) -> String {
            Self.origin(name, line: values[key]?.mark?.line, "export \(key.rawValue)")
        }
        func given(_ key: ExportKey) throws(ConfigurationError) -> GivenValue? {
            guard let node = values[key] else { return nil }
            return GivenValue(text: try Self.scalar(node, origin(of: key)), origin: origin(of: key))
        }
        guard let path = try given(.path) else {
            throw ConfigurationError("\(ownOrigin) has no path: add \"path: DIRECTORY\"")
        }
        var export = try ExportConfiguration(path: path, pseudoPath: given(.pseudo))
        if let value = try given(.readOnly) { export.isReadOnly = try value.boolean() }
        if let value = try given(.squash) { export.squash = try value.choice(of: Squash.self) }
        if let value = try given(.anonymousUID) { export.anonymousUID = try value.identifier() }
        if let value = try given(.anonymousGID) { export.anonymousGID = try value.identifier() }
        if let value = try given(.sync) { export.isSynchronous = try value.boolean() }
        if let value = try given(.crossMounts) { export.crossesMounts = try value.boolean() }
        if let value = try given(.utf8Only) { export.takesUTF8Only = try value.boolean() }
        if let value = try given(.allowUnmounted) { export.allowsUnmounted = try value.boolean() }
        if let node = values[.allowedNetworks] {
            let origin = origin(of: .allowedNetworks)
            export.allowedNetworks = try Self.list(node, origin).map { text throws(ConfigurationError) in
                try Network(GivenValue(text: text, origin: origin))
            }
        }
        return export
    }
}

extension GivenValue {
    /// A user or group id. The largest 32-bit number is no id: system calls take it for "leave as it is".
    fileprivate func identifier() throws(ConfigurationError) -> UInt32 {
        UInt32(try number(in: 0...Int(UInt32.max) - 1, .pieces))
    }
}

extension ConfigurationFile {
    /// The root of the only document of the file; nil when the file holds nothing.
    private static func root(ofFileAt path: String) throws(ConfigurationError) -> Node? {
        guard access(path, R_OK) == 0 else {
            throw ConfigurationError("configuration file \(path): \(String(cString: strerror(errno)))")
        }
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8) else {
            throw ConfigurationError("configuration file \(path) cannot be read: it must be a regular file of UTF-8 text")
        }
        do {
            return try Parser(yaml: text, encoding: .utf8).singleRoot()
        } catch let error as YamlError {
            throw ConfigurationError("\(path):\(error.oneLine)")
        } catch {
            throw ConfigurationError("\(path): \(error)")
        }
    }
}

extension Node {
    /// Whether the value is missing or `null`.
    fileprivate var isEmpty: Bool {
        tag == Tag(.null) && scalar != nil
    }
}

extension YamlError {
    /// The line, column and problem without the excerpt of the file that Yams adds.
    fileprivate var oneLine: String {
        switch self {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
            "\(mark): not valid YAML: \(problem)"
        case .duplicatedKeysInMapping(let duplicates, let context):
            "\(context.mark): \(duplicates.joined(separator: ", ")) is given twice: keep one"
        case .reader(let problem, _, _, _):
            " not valid YAML: \(problem)"
        default:
            " not valid YAML"
        }
    }
}
