import FileSystem
import NFSServer
import RPC

/// The EXPORT blocks of a configuration file of NFS-Ganesha (ganesha-export-config(8)) as exports of this server.
struct GaneshaExports {
    var takesUTF8Only = false
    /// Where groups of callers are to be looked up, which is done for all exports or for none.
    private(set) var managesGroups: String?
    private var names: [Int: String] = [:]

    /// - Parameter defaults: the EXPORT_DEFAULTS blocks.
    mutating func read(
        _ blocks: [GaneshaBlock], defaults: [GaneshaBlock], warnings: inout [String], problems: inout ConfigurationProblems
    ) -> [ExportConfiguration] {
        let section = GaneshaSection("EXPORT_DEFAULTS", defaults, .exportDefaults, warnings: &warnings)
        let standard = problems.attempt { () throws(ConfigurationError) in try permissions(section, over: GaneshaPermissions()) }
        guard let standard else { return [] }
        var exports: [ExportConfiguration] = []
        for block in blocks {
            do throws(ConfigurationError) {
                if let export = try export(block, standard, &warnings) { exports.append(export) }
            } catch {
                for line in error.problems { problems.add(line) }
            }
        }
        return exports
    }

    /// - Returns: nil for an export that clients of NFSv4 could not enter either.
    private mutating func export(
        _ block: GaneshaBlock, _ standard: GaneshaPermissions, _ warnings: inout [String]
    ) throws(ConfigurationError) -> ExportConfiguration? {
        let section = GaneshaSection("EXPORT", [block], .export, warnings: &warnings)
        for inner in block.blocks where !["CLIENT", "FSAL"].contains(inner.name.uppercased()) {
            warnings.append("\(inner.place) EXPORT \(GivenValue.quoted(inner.name)) has no meaning here and is ignored")
        }
        guard let path = try section.value("Path") else {
            throw ConfigurationError("\(block.place) EXPORT has no Path: add \"Path = DIRECTORY;\"")
        }
        try claimNumber(section, block)
        let own = try permissions(section, over: standard)
        guard own.isForNFSv4 else {
            warnings.append("\(section.origin(of: "Protocols")) does not have 4: \(path.text) is not exported")
            return nil
        }
        guard let pseudo = try section.value("Pseudo") else {
            throw ConfigurationError("\(block.place) EXPORT has no Pseudo: add \"Pseudo = PATH;\", the path clients mount it by")
        }
        let (isReal, more) = try isFileSystem(block)
        warnings += more
        // The directories that lead to exports are there without being asked for.
        guard isReal else { return nil }
        var export = try ExportConfiguration(path: path, pseudoPath: pseudo)
        var rules = GaneshaClientList()
        for client in block.blocks where client.name.uppercased() == "CLIENT" {
            let section = GaneshaSection("EXPORT CLIENT", [client], .client, warnings: &warnings)
            guard let networks = section.list("Clients") else {
                throw ConfigurationError("\(client.place) CLIENT has no Clients: add \"Clients = NETWORK;\"")
            }
            let permissions = try permissions(section, over: own)
            for network in networks { rules.append(try network.ganeshaClients(), permissions) }
        }
        rules.append(Network.everyone, own)
        export.rule = own.rule
        export.allowedNetworks = rules.allowed
        export.takesUTF8Only = takesUTF8Only
        guard !export.allowedNetworks.isEmpty else {
            warnings.append("\(block.place) EXPORT \(path.text) admits nobody and is not exported: give it an Access_Type")
            return nil
        }
        return export
    }

    /// Export_Id has no meaning here, but says that two blocks mean one export.
    private mutating func claimNumber(_ section: GaneshaSection, _ block: GaneshaBlock) throws(ConfigurationError) {
        guard let id = try section.value("Export_Id") else { throw ConfigurationError("\(block.place) EXPORT has no Export_Id: add one") }
        guard let number = id.cNumber, (0...65535).contains(number) else { throw id.mistake("must be a whole number from 0 to 65535") }
        if let other = names.updateValue(block.place.position, forKey: number) {
            throw ConfigurationError("\(id.origin) \(number) is that of the export at \(other) already: give one another")
        }
    }

    /// Whether FSAL names a file system of the machine, not the directories that lead to exports.
    private func isFileSystem(_ block: GaneshaBlock) throws(ConfigurationError) -> (Bool, warnings: [String]) {
        var warnings: [String] = []
        let section = GaneshaSection(
            "EXPORT FSAL", block.blocks.filter { $0.name.uppercased() == "FSAL" }, .fileSystem, warnings: &warnings)
        guard let name = try section.value("Name") else {
            throw ConfigurationError("\(block.place) EXPORT has no FSAL: add \"FSAL { Name = VFS; }\"")
        }
        return (try name.meaning([(["vfs"], true), (["xfs"], true), (["pseudo"], false)]), warnings)
    }

    /// What `section` says, and where it says nothing what `outer` does.
    private mutating func permissions(
        _ section: GaneshaSection, over outer: GaneshaPermissions
    ) throws(ConfigurationError) -> GaneshaPermissions {
        var permissions = outer
        try permissions.read(section)
        if try section.boolean("Manage_Gids") == true { managesGroups = section.origin(of: "Manage_Gids") }
        return permissions
    }
}

/// What EXPORT_DEFAULTS, EXPORT and CLIENT have in common.
private struct GaneshaPermissions {
    /// Who says nothing of Access_Type gets none.
    private(set) var mayEnter = false
    private(set) var isForNFSv4 = true
    private(set) var rule = ExportRule(
        squash: .root, anonymous: Credentials(uid: .max - 1, gid: .max - 1), security: [.sys, .none])

    mutating func read(_ section: GaneshaSection) throws(ConfigurationError) {
        if let access = try section.word("Access_Type", [(["rw"], (true, false)), (["ro"], (true, true)), (["none"], (false, false))]) {
            (mayEnter, rule.isReadOnly) = access
        }
        if let squash = try section.word("Squash", Self.squashes) { rule.squash = squash }
        if let uid = try section.value("Anonymous_uid") { rule.anonymous.uid = try uid.ganeshaIdentifier() }
        if let gid = try section.value("Anonymous_gid") { rule.anonymous.gid = try gid.ganeshaIdentifier() }
        if let given = section.list("SecType") {
            let flavors = try given.map { value throws(ConfigurationError) in
                try value.meaning(SecurityFlavor.allCases.map { ([$0.rawValue], $0) })
            }
            // The best first: Linux takes the first it can use.
            rule.security = SecurityFlavor.allCases.reversed().filter(flavors.contains)
        }
        if let protocols = section.list("Protocols") { isForNFSv4 = try protocols.haveNFSv4() }
        if let transports = section.list("Transports"), !transports.contains(where: { $0.text.uppercased() == "TCP" }) {
            throw ConfigurationError("\(section.origin(of: "Transports")) must have TCP: this server has no other")
        }
        if try section.boolean("PrivilegedPort") == true {
            throw ConfigurationError(
                "\(section.origin(of: "PrivilegedPort")) is not offered: set it to false, and say in Clients who may come")
        }
    }

    private static let squashes: [(words: [String], meaning: Squash)] = [
        (["none", "no_root_squash", "noidsquash"], .none),
        (["root", "root_squash", "rootsquash", "rootid", "root_id_squash", "rootidsquash"], .root),
        (["all", "all_squash", "allsquash", "all_anonymous", "all_anomnymous", "allanonymous"], .all),
    ]
}

/// Who may come, as NFS-Ganesha has it: the first entry that holds a client's address counts. Here the longest prefix does.
private struct GaneshaClientList {
    private var entries: [(network: Network, permissions: GaneshaPermissions)] = []

    /// Adds entries, but for those whose clients are in an earlier one all together. So what overlaps is inside what comes later.
    mutating func append(_ networks: [Network], _ permissions: GaneshaPermissions) {
        for network in networks where !entries.contains(where: { $0.network.contains(network) }) { entries.append((network, permissions)) }
    }

    /// The networks that may, cut around those inside them that may not.
    var allowed: [AllowedNetwork] {
        var allowed: [AllowedNetwork] = []
        for (network, permissions) in entries where permissions.mayEnter {
            let refused = entries.filter { !$0.permissions.mayEnter && network.contains($0.network) }
            let parts = refused.reduce([network]) { parts, entry in parts.flatMap { $0.without(entry.network) } }
            for part in parts where !allowed.contains(where: { $0.network == part }) {
                allowed.append(AllowedNetwork(network: part, rule: permissions.rule))
            }
        }
        return allowed
    }
}

extension GivenValue {
    /// An entry of Clients.
    fileprivate func ganeshaClients() throws(ConfigurationError) -> [Network] {
        if text == "*" { return Network.everyone }
        guard text.contains(where: { ".:".contains($0) }), text.allSatisfy({ $0.isHexDigit || "./:".contains($0) }) else {
            throw mistake("must be *, an address or a network such as 10.0.0.0/8, as names and netgroups are not looked up")
        }
        return [try Network(self)]
    }

    /// A user or group id, of which the manual's -2 is one. The largest 32-bit number is none: system calls take it for "leave as it is".
    fileprivate func ganeshaIdentifier() throws(ConfigurationError) -> UInt32 {
        guard let number = cNumber, let id = UInt32(exactly: number) ?? Int32(exactly: number).map(UInt32.init(bitPattern:)), id != .max
        else {
            throw mistake("must be a whole number from -2147483648 to 4294967294 other than -1")
        }
        return id
    }
}
