import Foundation
import RPC

/// Turns texts into values. When a text is wrong the problem is noted and some value of its type returned, which nobody
/// sees, because a configuration with problems is never made.
struct SettingReader {
    let layers: SettingLayers
    private(set) var problems: ConfigurationProblems

    init(layers: SettingLayers, problems: ConfigurationProblems) {
        self.layers = layers
        self.problems = problems
    }

    mutating func number(_ setting: Setting) -> Int {
        let description = setting.description
        return read(setting, or: 0) { value throws(ConfigurationError) in
            try value.number(in: description.range ?? 0...Int.max, description.unit)
        }
    }

    mutating func boolean(_ setting: Setting) -> Bool {
        read(setting, or: false) { value throws(ConfigurationError) in try value.boolean() }
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(_ setting: Setting, or other: Choice) -> Choice
    where Choice.RawValue == String {
        read(setting, or: other) { value throws(ConfigurationError) in try value.choice(of: Choice.self) }
    }

    private mutating func read<Value>(_ setting: Setting, or other: Value, _ parse: (GivenValue) throws(ConfigurationError) -> Value)
        -> Value
    {
        guard let value = layers.value(of: setting) else { return other }
        return problems.attempt { () throws(ConfigurationError) in try parse(value) } ?? other
    }

    private mutating func readAll<Value>(_ values: [GivenValue], _ parse: (GivenValue) throws(ConfigurationError) -> Value) -> [Value] {
        values.compactMap { value in
            problems.attempt { () throws(ConfigurationError) in try parse(value) }
        }
    }
}

extension SettingReader {
    /// The exports of flags or environment, else those of the file.
    mutating func exports(fromFile fileExports: [ExportConfiguration]?) -> [ExportConfiguration] {
        let given = layers.values(of: .export)
        var exports = given.map { readAll($0, ExportConfiguration.init) } ?? fileExports ?? []
        if exports.isEmpty && problems.lines.isEmpty {
            problems.add("nothing to export: give --export DIR, set \(Setting.export.variable), or list export in the configuration file")
        }
        for (index, export) in exports.enumerated() {
            for other in exports[..<index] where export.collides(with: other) {
                problems.add(
                    export.pseudoPath == other.pseudoPath
                        ? "exports \(other.path) and \(export.path) have the same pseudo path \(export.pseudoPath): give one another"
                        : "pseudo paths \(other.pseudoPath) and \(export.pseudoPath) lie inside each other: give one another")
            }
        }
        let flavors = security()
        for index in exports.indices { exports[index].setStandardSecurity(flavors) }
        if boolean(.allowUnmounted) {
            for index in exports.indices {
                exports[index].allowsUnmounted = true
            }
        }
        return exports
    }

    private mutating func security() -> [SecurityFlavor] {
        guard let given = layers.values(of: .security) else { return [] }
        return problems.attempt { () throws(ConfigurationError) in try [SecurityFlavor](given) } ?? []
    }

    mutating func listenAddresses() -> [ListenAddress] {
        let addresses = readAll(layers.values(of: .listen) ?? [], ListenAddress.init)
        for (index, address) in addresses.enumerated() where address.port != 0 && addresses[..<index].contains(address) {
            problems.add("listen address \(address) is given twice: keep one")
        }
        return addresses
    }

    mutating func metricsAddress() -> ListenAddress? {
        read(.metricsAddress, or: nil) { value throws(ConfigurationError) in try ListenAddress(value) }
    }

    mutating func recoveryURL() -> String? {
        read(.recoveryURL, or: nil) { value throws(ConfigurationError) in try value.httpURL() }
    }

    mutating func path(_ setting: Setting) -> String? {
        read(setting, or: nil) { value throws(ConfigurationError) in try value.absolutePath() }
    }

    mutating func hostname() -> String {
        read(.hostname, or: "") { value throws(ConfigurationError) in
            // It is part of the URLs of the recovery backend and of file names.
            guard value.isDomainText, value.text.first != "." else {
                throw value.mistake("must be 1 to 253 letters, digits, dots, underscores and hyphens, the first not a dot")
            }
            return value.text
        }
    }

    mutating func ownerDomain() -> String? {
        let domain: String? = read(.ownerDomain, or: nil) { value throws(ConfigurationError) in
            guard value.isDomainText else {
                throw value.mistake("must be a DNS domain such as example.org")
            }
            return value.text
        }
        if layers.value(of: .ownerDomain) == nil, boolean(.ownerNames), let names = layers.value(of: .ownerNames) {
            problems.add("\(names.origin) needs owner-domain: say what domain the names are of")
        }
        return domain
    }

    mutating func servicePrincipal() -> String? {
        let principal: String? = read(.servicePrincipal, or: nil) { value throws(ConfigurationError) in
            guard value.text.hasPrefix("nfs/"), value.text.utf8.count <= 1024 else {
                throw value.mistake("must be a principal such as nfs/host.example.org: clients ask for the service nfs")
            }
            return value.text
        }
        if layers.value(of: .keytab) == nil, let principal = layers.value(of: .servicePrincipal) {
            problems.add("\(principal.origin) needs keytab: name the file with its keys")
        }
        return principal
    }

    mutating func adminSocket() -> String? {
        read(.adminSocket, or: nil) { value throws(ConfigurationError) in
            let path = try value.absolutePath()
            // sun_path of sockaddr_un has 108 bytes with the terminating zero.
            guard path.utf8.count <= 107 else { throw value.mistake("must be a path of at most 107 bytes") }
            return path
        }
    }

    mutating func limits() -> ServerLimits {
        let limits = ServerLimits(
            connections: number(.maximumConnections), clients: number(.maximumClients), sessions: number(.maximumSessions),
            transfer: transfer(), bufferMemory: number(.bufferMemory), cacheMemory: number(.cacheMemory),
            cachedDescriptors: number(.cachedDescriptors))
        if problems.lines.isEmpty && limits.bufferMemory < 2 * limits.record {
            problems.add(
                "buffer-memory \(ByteCount.text(of: limits.bufferMemory)) has no room for one request and one reply: "
                    + "give at least \(ByteCount.text(of: 2 * limits.record)) or lower max-transfer")
        }
        return limits
    }

    private mutating func transfer() -> Int {
        read(.maximumTransfer, or: 0) { value throws(ConfigurationError) in
            let range = Setting.maximumTransfer.description.range ?? 0...0
            let transfer = try value.number(in: range, .bytes)
            guard transfer.isMultiple(of: 4096) else { throw value.mistake("must be a multiple of 4KiB") }
            return transfer
        }
    }
}

extension GivenValue {
    /// An HTTP URL without user, query and fragment, freed of a trailing slash.
    fileprivate func httpURL() throws(ConfigurationError) -> String {
        guard let url = URLComponents(string: text), url.scheme == "http" || url.scheme == "https", url.host?.isEmpty == false,
            url.user == nil, url.query == nil, url.fragment == nil
        else {
            throw mistake("must be a URL such as http://recovery-backend:9503/v1/recoverybackend")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}

extension GivenValue {
    /// Whether the text is as long as a domain may be and has no other bytes than one.
    fileprivate var isDomainText: Bool {
        (1...253).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0.isWordByte }
    }
}

extension UInt8 {
    fileprivate var isWordByte: Bool {
        self == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
    }
}
