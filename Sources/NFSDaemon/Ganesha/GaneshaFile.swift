import Logging

/// A configuration file of NFS-Ganesha in the words of this server: what it means, and what it means only there.
struct GaneshaFile {
    private(set) var content = FileContent()
    /// Where LOG wants the log; nil where it says nothing.
    private(set) var logDestination: String?
    private var origins: [Setting: String] = [:]
    private var exportRules = GaneshaExports()

    /// - Parameter logLevel: what holds where the file says nothing.
    /// - Throws: when the file has not the form of one; problems of what it says are added to `problems`.
    init(path: String, logLevel: Logger.Level, problems: inout ConfigurationProblems) throws(ConfigurationError) {
        let file = try GaneshaBlock(fileAt: path)
        content.mayExportNothing = true
        content.remedyForNoExport = "add an EXPORT block, or set \(Setting.stateDirectory.variable) to start without one"
        content.texts[.logLevel] = [logLevel.rawValue]
        for parameter in file.parameters {
            content.warnings.append("\(parameter.place) \(GivenValue.quoted(parameter.name)) stands in no block and is ignored")
        }
        for block in file.blocks where !Self.isKnown(block.name) {
            content.warnings.append(
                "\(block.place) the block \(GivenValue.quoted(block.name)) has no meaning here and is ignored: "
                    + suggestion(for: block.name.uppercased(), among: Self.read))
        }
        func blocks(_ name: String) -> [GaneshaBlock] { file.blocks.filter { $0.name.uppercased() == name } }
        let core = GaneshaSection("NFS_CORE_PARAM", blocks("NFS_CORE_PARAM"), .core, warnings: &content.warnings)
        let version4 = GaneshaSection("NFSV4", blocks("NFSV4"), .version4, warnings: &content.warnings)
        let kerberos = GaneshaSection("NFS_KRB5", blocks("NFS_KRB5"), .kerberos, warnings: &content.warnings)
        let (logs, exports, defaults) = (blocks("LOG"), blocks("EXPORT"), blocks("EXPORT_DEFAULTS"))
        _ = problems.attempt { () throws(ConfigurationError) in try readCore(core) }
        _ = problems.attempt { () throws(ConfigurationError) in try readVersion4(version4) }
        _ = problems.attempt { () throws(ConfigurationError) in try readKerberos(kerberos) }
        _ = problems.attempt { () throws(ConfigurationError) in try readLog(logs) }
        let isUTF8 = problems.attempt { () throws(ConfigurationError) in try version4.boolean("Enforce_UTF8_Validation") }
        exportRules.takesUTF8Only = (isUTF8 ?? nil) ?? false
        content.exports = exportRules.read(exports, defaults: defaults, warnings: &content.warnings, problems: &problems)
        if let origin = exportRules.managesGroups { set(.manageGroups, "true", origin) }
        content.origin = { [origins] in origins[$0] ?? "\(path): \($0.rawValue)" }
    }

    private static let read = ["EXPORT", "EXPORT_DEFAULTS", "NFS_CORE_PARAM", "NFSV4", "NFS_KRB5", "LOG"]
    /// Caches and file systems of that server.
    private static let ignored = ["MDCACHE", "CACHEINODE", "NFS_IP_NAME", "VFS", "XFS", "9P", "_9P"]

    private static func isKnown(_ name: String) -> Bool { (read + ignored).contains(name.uppercased()) }

    private mutating func set(_ setting: Setting, _ text: String, _ origin: String) {
        content.texts[setting] = [text]
        origins[setting] = origin
    }

    private mutating func setNumber(_ setting: Setting, _ key: String, of section: GaneshaSection) throws(ConfigurationError) {
        if let number = try section.number(key) { set(setting, number, section.origin(of: key)) }
    }

    private mutating func readCore(_ core: GaneshaSection) throws(ConfigurationError) {
        if let protocols = core.list("Protocols"), !(try protocols.haveNFSv4()) {
            throw ConfigurationError("\(core.origin(of: "Protocols")) must have 4: this server speaks NFSv4 alone")
        }
        let (address, port) = (try core.value("Bind_addr"), try core.number("NFS_Port"))
        if let address, IPAddress(address.text) == nil { throw address.mistake("must be a numeric address such as 0.0.0.0 or ::") }
        if address != nil || port != nil {
            let host = address?.text ?? "0.0.0.0"
            let text = "\(host.contains(":") ? "[\(host)]" : host):\(port ?? "2049")"
            set(.listen, text, core.origin(of: port == nil ? "Bind_addr" : "NFS_Port"))
        }
        try setNumber(.maximumConnections, "RPC_Max_Connections", of: core)
    }

    private mutating func readVersion4(_ version4: GaneshaSection) throws(ConfigurationError) {
        try setNumber(.lease, "Lease_Lifetime", of: version4)
        try setNumber(.grace, "Grace_Period", of: version4)
        if let versions = version4.list("Minor_Versions"), !versions.contains(where: { $0.cNumber == 1 }) {
            throw ConfigurationError("\(version4.origin(of: "Minor_Versions")) must have 1: this server speaks NFSv4.1 alone")
        }
        let usesBackend = try version4.word("RecoveryBackend", [(["longhorn"], true), (["fs"], false), (["fs_ng"], false)])
        if usesBackend == true { set(.recoveryURL, Self.recoveryBackend, version4.origin(of: "RecoveryBackend")) }
        if let root = try version4.value("RecoveryRoot") { set(.stateDirectory, try root.absolutePath() + "/remuda", root.origin) }
        if let domain = try version4.value("DomainName"), try version4.boolean("Only_Numeric_Owners") != true {
            set(.ownerDomain, domain.text, domain.origin)
            set(.ownerNames, "true", domain.origin)
        }
        if let clients = try version4.value("Max_Client_Ids"), clients.cNumber != 0 {
            try setNumber(.maximumClients, "Max_Client_Ids", of: version4)
        }
    }

    /// Where Longhorn has its recovery backend.
    private static let recoveryBackend = "http://longhorn-recovery-backend:9503/v1/recoverybackend"

    private mutating func readKerberos(_ kerberos: GaneshaSection) throws(ConfigurationError) {
        let isActive = try kerberos.boolean("Active_krb5")
        let keytab = try kerberos.value("KeytabPath")
        guard isActive != false, isActive == true || keytab != nil else { return }
        set(.keytab, keytab?.text ?? "/etc/krb5.keytab", kerberos.origin(of: keytab == nil ? "Active_krb5" : "KeytabPath"))
        if let name = try kerberos.value("PrincipalName"), name.text != "nfs" { set(.servicePrincipal, name.text, name.origin) }
    }

    private mutating func readLog(_ blocks: [GaneshaBlock]) throws(ConfigurationError) {
        let log = GaneshaSection("LOG", blocks, .log, warnings: &content.warnings)
        if let level = try log.value("Default_log_level") { set(.logLevel, try level.ganeshaLogLevel().rawValue, level.origin) }
        for block in blocks.flatMap(\.blocks) {
            switch block.name.uppercased() {
            case "COMPONENTS":
                let components = GaneshaSection("LOG COMPONENTS", [block], .components, warnings: &content.warnings)
                if let level = try components.value("ALL") { set(.logLevel, try level.ganeshaLogLevel().rawValue, level.origin) }
            case "FACILITY":
                let facility = GaneshaSection("LOG FACILITY", [block], .facility, warnings: &content.warnings)
                let isOn = try facility.word("enable", [(["idle"], false), (["active"], true), (["default"], true)])
                if isOn == true { logDestination = try facility.value("destination")?.text ?? logDestination }
            case "FORMAT": break
            default: content.warnings.append("\(block.place) LOG \(GivenValue.quoted(block.name)) has no meaning here and is ignored")
            }
        }
    }
}

extension GivenValue {
    /// A level of that server's log.
    package func ganeshaLogLevel() throws(ConfigurationError) -> Logger.Level {
        let name = text.uppercased()
        return try GivenValue(text: name.hasPrefix("NIV_") ? String(name.dropFirst(4)) : text, origin: origin).meaning([
            (["null"], .critical), (["fatal"], .critical), (["maj"], .critical), (["crit"], .critical), (["warn"], .warning),
            (["event"], .notice), (["info"], .info), (["debug"], .debug), (["mid_debug", "m_dbg"], .debug),
            (["full_debug", "f_dbg"], .trace),
        ])
    }
}

extension [GivenValue] {
    /// Whether NFSv4 is among the protocols.
    func haveNFSv4() throws(ConfigurationError) -> Bool {
        var have = false
        for value in self {
            have =
                try value.meaning([(["4", "nfs4", "v4", "nfsv4"], true), (["3", "nfs3", "v3", "nfsv3"], false), (["9p"], false)]) || have
        }
        return have
    }
}
