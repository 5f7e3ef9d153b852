import Foundation
import NFSServer
import RPC
import Yams

/// What a YAML configuration file says: a mapping of setting names to values, everything checked for its shape.
package struct ConfigurationFile {
    /// The text of each setting but `export`.
    private var texts: [Setting: [String]] = [:]
    /// The exports; nil when the file lists none.
    private var exports: [ExportConfiguration]?
    private var lines: [Setting: Int] = [:]
    fileprivate let name: String

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

    /// What the file says, for those who read further.
    var content: FileContent { FileContent(texts: texts, exports: exports, origin: origin) }

    /// Names the place of `setting` in the file.
    private func origin(of setting: Setting) -> String {
        Self.origin(name, line: lines[setting], setting.rawValue)
    }

    fileprivate static func origin(_ name: String, line: Int?, _ key: String) -> String {
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
    fileprivate func known<Key: RawRepresentable & CaseIterable>(_ key: Node) throws(ConfigurationError) -> Key
    where Key.RawValue == String {
        let text = key.string ?? ""
        guard let known = Key(rawValue: text) else {
            let suggestion = suggestion(for: text, among: Key.allCases.map(\.rawValue))
            throw ConfigurationError(Self.origin(name, line: key.mark?.line, "unknown key \(GivenValue.quoted(text)): \(suggestion)"))
        }
        return known
    }

    fileprivate static func scalar(_ node: Node, _ origin: String) throws(ConfigurationError) -> String {
        guard let scalar = node.scalar else {
            throw ConfigurationError("\(origin) must be one value, not a \(node.sequence != nil ? "list" : "mapping")")
        }
        guard !node.isEmpty else {
            throw ConfigurationError("\(origin) has no value: write one after the colon or remove the line")
        }
        return scalar.string
    }

    /// A list of values; a value alone is a list of one.
    fileprivate static func list(_ node: Node, _ origin: String) throws(ConfigurationError) -> [String] {
        var texts: [String] = []
        for element in try elements(node, origin) { texts.append(try scalar(element, origin)) }
        return texts
    }

    private static func elements(_ node: Node, _ origin: String) throws(ConfigurationError) -> [Node] {
        let elements = node.sequence.map(Array.init) ?? [node]
        guard !elements.isEmpty else {
            throw ConfigurationError("\(origin) is an empty list: list something or remove the line")
        }
        return elements
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
        case security
        case unknownPrincipals = "unknown-principals"
        case machineRoot = "machine-root"
        case allowedNetworks = "allowed-networks"
        case deniedNetworks = "denied-networks"
        case sync
        case crossMounts = "cross-mounts"
        case utf8Only = "utf8-only"
        case allowUnmounted = "allow-unmounted"
    }

    /// The keys of one of the networks an export is allowed to. All but the first are as those of the export.
    package enum NetworkKey: String, CaseIterable {
        case network
        case readOnly = "read-only"
        case squash
        case anonymousUID = "anonymous-uid"
        case anonymousGID = "anonymous-gid"
        case security
        case unknownPrincipals = "unknown-principals"
        case machineRoot = "machine-root"
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
        let values = try Values<ExportKey>(mapping, in: self, of: "export")
        guard let path = try values.given(.path) else {
            throw ConfigurationError("\(ownOrigin) has no path: add \"path: DIRECTORY\"")
        }
        var export = try ExportConfiguration(path: path, pseudoPath: values.given(.pseudo))
        try values.read(into: &export.rule)
        if let value = try values.given(.sync) { export.isSynchronous = try value.boolean() }
        if let value = try values.given(.crossMounts) { export.crossesMounts = try value.boolean() }
        if let value = try values.given(.utf8Only) { export.takesUTF8Only = try value.boolean() }
        if let value = try values.given(.allowUnmounted) { export.allowsUnmounted = try value.boolean() }
        export.allowedNetworks = try allowedNetworks(values, export.rule)
        export.deniedNetworks = try deniedNetworks(values, besides: export.allowedNetworks)
        return export
    }

    /// The networks of an export whose rule is `rule`.
    private func allowedNetworks(_ values: Values<ExportKey>, _ rule: ExportRule) throws(ConfigurationError) -> [AllowedNetwork] {
        guard let node = values.nodes[.allowedNetworks] else { return Network.everyone.map { AllowedNetwork(network: $0, rule: rule) } }
        let origin = values.origin(of: .allowedNetworks)
        var networks: [AllowedNetwork] = []
        for element in try Self.elements(node, origin) {
            let network: AllowedNetwork
            if let mapping = element.mapping {
                let values = try Values<NetworkKey>(mapping, in: self, of: "export allowed-networks")
                guard let given = try values.given(.network) else {
                    throw ConfigurationError("\(origin) has no network: add \"network: ADDRESS/LENGTH\"")
                }
                var own = rule
                try values.read(into: &own)
                network = AllowedNetwork(network: try Network(given), rule: own)
            } else {
                network = AllowedNetwork(network: try Network(GivenValue(text: Self.scalar(element, origin), origin: origin)), rule: rule)
            }
            guard !networks.contains(where: { $0.network == network.network }) else {
                throw ConfigurationError("\(origin) has \(network.network) twice: keep one")
            }
            networks.append(network)
        }
        return networks
    }

    private func deniedNetworks(
        _ values: Values<ExportKey>, besides allowed: [AllowedNetwork]
    ) throws(ConfigurationError) -> [Network] {
        guard let node = values.nodes[.deniedNetworks] else { return [] }
        let origin = values.origin(of: .deniedNetworks)
        var networks: [Network] = []
        for text in try Self.list(node, origin) {
            let network = try Network(GivenValue(text: text, origin: origin))
            guard !networks.contains(network) else { throw ConfigurationError("\(origin) has \(network) twice: keep one") }
            guard !allowed.contains(where: { $0.network == network }) else {
                throw ConfigurationError("\(origin) has \(network), which is allowed too: keep one")
            }
            networks.append(network)
        }
        return networks
    }

    /// The values of a mapping whose keys are all known.
    private struct Values<Key: RawRepresentable<String> & CaseIterable & Hashable> {
        private(set) var nodes: [Key: Node] = [:]
        private let file: String
        private let subject: String

        init(_ mapping: Node.Mapping, in file: ConfigurationFile, of subject: String) throws(ConfigurationError) {
            self.file = file.name
            self.subject = subject
            for (key, value) in mapping {
                let known: Key = try file.known(key)
                nodes[known] = value
            }
        }

        func origin(of key: Key) -> String {
            ConfigurationFile.origin(file, line: nodes[key]?.mark?.line, "\(subject) \(key.rawValue)")
        }

        func given(_ key: Key) throws(ConfigurationError) -> GivenValue? {
            guard let node = nodes[key] else { return nil }
            return GivenValue(text: try ConfigurationFile.scalar(node, origin(of: key)), origin: origin(of: key))
        }

        /// Changes of a rule what the keys say, which exports and networks have in common.
        func read(into rule: inout ExportRule) throws(ConfigurationError) {
            func given(_ key: ExportKey) throws(ConfigurationError) -> GivenValue? {
                guard let key = Key(rawValue: key.rawValue) else { return nil }
                return try self.given(key)
            }
            if let value = try given(.readOnly) { rule.isReadOnly = try value.boolean() }
            if let value = try given(.squash) { rule.squash = try value.choice(of: Squash.self) }
            if let value = try given(.anonymousUID) { rule.anonymous.uid = try value.identifier() }
            if let value = try given(.anonymousGID) { rule.anonymous.gid = try value.identifier() }
            if let value = try given(.unknownPrincipals) {
                rule.unknownPrincipals = try value.choice(of: ExportRule.UnknownPrincipals.self)
            }
            if let value = try given(.machineRoot) { rule.machinesAreRoot = try value.boolean() }
            if let key = Key(rawValue: ExportKey.security.rawValue), let node = nodes[key] {
                let origin = origin(of: key)
                rule.security = try [SecurityFlavor](
                    ConfigurationFile.list(node, origin).map { GivenValue(text: $0, origin: origin) })
            }
        }
    }
}

extension [SecurityFlavor] {
    /// Flavors in the order of preference.
    init(_ given: [GivenValue]) throws(ConfigurationError) {
        self = []
        for value in given {
            let flavor = try value.choice(of: SecurityFlavor.self)
            guard !contains(flavor) else { throw ConfigurationError("\(value.origin) has \(flavor) twice: keep one") }
            append(flavor)
        }
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
