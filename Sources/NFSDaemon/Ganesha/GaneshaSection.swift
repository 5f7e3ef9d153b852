/// The parameters of one block, or of several of one name: then what was said last counts. Case tells no names apart.
struct GaneshaSection {
    /// The name of the block as it is documented.
    let name: String
    private var parameters: [String: GaneshaBlock.Parameter] = [:]

    /// - Parameters:
    ///   - keys: what may stand in it.
    ///   - warnings: gets a line for every other parameter.
    init(_ name: String, _ blocks: [GaneshaBlock], _ keys: GaneshaKeys, warnings: inout [String]) {
        self.name = name
        for parameter in blocks.flatMap(\.parameters) {
            if keys.isRead(parameter.name) {
                if let earlier = parameters.updateValue(parameter, forKey: parameter.name.lowercased()) {
                    warnings.append("\(parameter.place) \(name) \(parameter.name) replaces that of \(earlier.place.position)")
                }
            } else if !keys.isIgnored(parameter) {
                let suggestion = suggestion(for: parameter.name, among: keys.read)
                warnings.append(
                    "\(parameter.place) \(name) \(GivenValue.quoted(parameter.name)) has no meaning here and is ignored: \(suggestion)")
            }
        }
    }

    /// Names the place of a parameter, or the section where it is not given.
    func origin(of key: String) -> String {
        parameters[key.lowercased()].map { "\($0.place) \(name) \(key)" } ?? "\(name) \(key)"
    }

    func list(_ key: String) -> [GivenValue]? {
        parameters[key.lowercased()]?.values.map { GivenValue(text: $0, origin: origin(of: key)) }
    }

    func value(_ key: String) throws(ConfigurationError) -> GivenValue? {
        guard let values = list(key) else { return nil }
        guard values.count == 1 else { throw ConfigurationError("\(origin(of: key)) must be one value, not \(values.count)") }
        return values[0]
    }

    func boolean(_ key: String) throws(ConfigurationError) -> Bool? {
        try value(key).map { value throws(ConfigurationError) in try value.boolean() }
    }

    /// The meaning of a word.
    func word<Meaning>(_ key: String, _ meanings: [(words: [String], meaning: Meaning)]) throws(ConfigurationError) -> Meaning? {
        try value(key).map { value throws(ConfigurationError) in try value.meaning(meanings) }
    }

    /// A number as C writes it, in decimal digits for those who read it further; another text as it is, for them to complain.
    func number(_ key: String) throws(ConfigurationError) -> String? {
        try value(key).map { $0.cNumber.map(String.init) ?? $0.text }
    }
}

extension GivenValue {
    /// - Parameter meanings: the first of the words of each is what is proposed.
    func meaning<Meaning>(_ meanings: [(words: [String], meaning: Meaning)]) throws(ConfigurationError) -> Meaning {
        guard let known = meanings.first(where: { $0.words.contains(text.lowercased()) }) else {
            throw mistake("must be one of \(meanings.map(\.words[0]).joined(separator: ", "))")
        }
        return known.meaning
    }

    /// A number in decimal, octal or hexadecimal digits, negated or complemented in 32 bits; nil when it is none.
    var cNumber: Int? {
        let operation = text.first.flatMap { "-~".contains($0) ? $0 : nil }
        let digits = text.dropFirst(operation == nil ? 0 : 1).lowercased()
        let value: Int?
        if digits.hasPrefix("0x") {
            value = digits.dropFirst(2).allSatisfy(\.isHexDigit) ? Int(digits.dropFirst(2), radix: 16) : nil
        } else if digits.hasPrefix("0"), digits.utf8.count > 1 {
            value = Self.decimal(digits).flatMap { _ in Int(digits, radix: 8) }
        } else {
            value = Self.decimal(digits)
        }
        guard let value else { return nil }
        switch operation {
        case "-": return -value
        case "~": return UInt32(exactly: value).map { Int(~$0) }
        default: return value
        }
    }
}

/// The parameters that may stand in a block.
struct GaneshaKeys {
    /// Those that have a meaning here.
    let read: [String]
    /// Those that have none, and whose lack is no loss; what begins with one that ends in `*`, too.
    var ignored: [String] = []
    /// Those that are what they are here only when they are off.
    var off: [String] = []

    fileprivate func isRead(_ name: String) -> Bool { read.contains { $0.lowercased() == name.lowercased() } }

    fileprivate func isIgnored(_ parameter: GaneshaBlock.Parameter) -> Bool {
        let name = parameter.name.lowercased()
        let isListed = ignored.contains { key in
            key.hasSuffix("*") ? name.hasPrefix(key.dropLast().lowercased()) : name == key.lowercased()
        }
        return isListed || off.contains { $0.lowercased() == name } && ["false", "no", "none"].contains(parameter.values[0].lowercased())
    }
}

extension GaneshaKeys {
    static let core = GaneshaKeys(
        read: ["NFS_Port", "Bind_addr", "Protocols", "RPC_Max_Connections"],
        // Other protocols, statistics told otherwise, and the inner workings of that server.
        ignored: [
            "MNT_*", "NLM_*", "Rquota_*", "Enable_*", "Drop_*", "DRC_*", "TCP_*", "RPC_*", "Readdir_*", "MaxRPC*", "Nb_Worker",
            "Plugins_Dir",
            "heartbeat_freq", "Blocked_Lock_Poller_Interval", "NSM_Use_Caller_Name", "Clustered", "fsid_device", "mount_path_pseudo",
            "Dbus_Name_Prefix", "Max_Uid_To_Group_Reqs", "Manage_Gids_Expiration", "Getattrs_In_Complete_Read",
        ],
        off: ["Short_File_Handle"])
    static let version4 = GaneshaKeys(
        read: [
            "Lease_Lifetime", "Grace_Period", "Minor_Versions", "RecoveryBackend", "RecoveryRoot", "Only_Numeric_Owners", "DomainName",
            "Enforce_UTF8_Validation", "Max_Client_Ids",
        ],
        ignored: [
            "IdmapConf", "UseGetpwnam", "Allow_Numeric_Owners", "RecoveryDir", "RecoveryOldDir", "Slot_Table_Size", "Delegations",
            "Deleg_*",
        ],
        off: ["Graceless", "pnfs_mds", "pnfs_ds"])
    static let kerberos = GaneshaKeys(read: ["PrincipalName", "KeytabPath", "Active_krb5"], ignored: ["CCacheDir"])
    static let log = GaneshaKeys(read: ["Default_log_level"], ignored: ["RPC_Debug_Flags", "Display_UTC_Timestamp"])
    static let components = GaneshaKeys(read: ["ALL"], ignored: ["*"])
    static let facility = GaneshaKeys(read: ["destination", "enable"], ignored: ["name", "max_level", "headers"])
    static let exportDefaults = GaneshaKeys(
        read: [
            "Access_Type", "Squash", "Anonymous_uid", "Anonymous_gid", "SecType", "Protocols", "Transports", "Manage_Gids",
            "PrivilegedPort",
        ],
        ignored: ["Attr_Expiration_Time", "Delegations"], off: ["NFS_Commit", "Security_Label"])
    static let export = GaneshaKeys(
        read: ["Export_Id", "Path", "Pseudo"] + exportDefaults.read,
        ignored: ["Filesystem_id", "Tag", "MaxRead", "MaxWrite", "PrefRead", "PrefWrite", "PrefReaddir", "UseCookieVerifier"]
            + exportDefaults.ignored, off: exportDefaults.off)
    static let client = GaneshaKeys(read: ["Clients"] + exportDefaults.read, ignored: exportDefaults.ignored, off: exportDefaults.off)
    static let fileSystem = GaneshaKeys(read: ["Name"])
}
