import Foundation
import Logging
import RecoveryBackend
import RecoveryJournal

extension ServerConfiguration {
    /// Reads the configuration; flags outrank the environment, the environment outranks the file.
    ///
    /// - Parameters:
    ///   - flags: the text of each flag of the command line; several for a repeated one, `true` or `false` for a switch
    ///   - environment: the variables of the process, of which those of `Setting.variable` count when not empty
    ///   - file: the path of a YAML file, else the one `Setting.fileVariable` names, else none is read
    /// - Throws: all problems found.
    package init(flags: [Setting: [String]], environment: [String: String], file: String?) throws(ConfigurationError) {
        var problems = ConfigurationProblems()
        let path = file ?? environment[Setting.fileVariable].flatMap { $0.isEmpty ? nil : $0 }
        let content = try path.map { path throws(ConfigurationError) in try ConfigurationFile(path: path, problems: &problems) }
        let layers = SettingLayers(
            flags: flags, environment: environment, file: content?.texts ?? [:], defaults: Self.defaults(),
            fileOrigin: { content?.origin(of: $0) ?? $0.rawValue })
        var reader = SettingReader(layers: layers, problems: problems)

        exports = reader.exports(fromFile: content?.exports)
        listen = reader.listenAddresses()
        let lease = reader.number(.lease)
        let grace = reader.number(.grace)
        self.lease = .seconds(lease)
        self.grace = .seconds(grace)
        graceIO = reader.choice(.graceIO, or: .strict)
        stateDirectory = reader.path(.stateDirectory)
        recoveryURL = reader.recoveryURL()
        recoveryTokenFile = reader.path(.recoveryTokenFile)
        recoveryTLS = TLSFiles(
            authority: reader.path(.recoveryAuthority), certificate: reader.path(.recoveryCertificate), key: reader.path(.recoveryKey))
        recoveryDeadline = .seconds(reader.number(.recoveryDeadline))
        deadHostsCommand = reader.path(.deadHostsCommand)
        hostname = reader.hostname()
        adminSocket = reader.adminSocket()
        metricsAddress = reader.metricsAddress()
        registersWithRPCBind = reader.boolean(.rpcbind)
        ownerDomain = reader.ownerDomain()
        sendsOwnerNames = reader.boolean(.ownerNames)
        managesGroups = reader.boolean(.manageGroups)
        keytab = reader.path(.keytab)
        servicePrincipal = reader.servicePrincipal()
        loops = reader.number(.loops)
        workers = reader.number(.workers)
        limits = reader.limits()
        logLevel = reader.choice(.logLevel, or: .info)
        logFormat = reader.choice(.logFormat, or: .text)
        warnings = Self.warnings(lease: lease, grace: grace, environment: environment)
        try reader.problems.throwIfAny()
    }

    private static func defaults() -> [Setting: String] {
        var defaults: [Setting: String] = [:]
        for setting in Setting.allCases {
            defaults[setting] = setting.description.standard
        }
        defaults[.hostname] = machineName()
        defaults[.loops] = String(ProcessInfo.processInfo.activeProcessorCount)
        let memory = MemoryLimit.own
        defaults[.bufferMemory] = String(memory.bufferMemory)
        defaults[.cacheMemory] = String(memory.cacheMemory)
        defaults[.cachedDescriptors] = String(memory.cachedDescriptors)
        return defaults
    }

    /// The name gethostname(2) gives, without asking a name service.
    private static func machineName() -> String {
        var name = [CChar](repeating: 0, count: Int(HOST_NAME_MAX) + 1)
        gethostname(&name, name.count)
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static func warnings(lease: Int, grace: Int, environment: [String: String]) -> [String] {
        var warnings: [String] = []
        if grace < lease {
            // A client may notice the restart only when it renews its lease.
            warnings.append(
                "grace (\(grace) s) is shorter than lease (\(lease) s): clients may lose their locks when the server restarts (RFC 8881 §8.4.2)"
            )
        }
        // Only a warning: Kubernetes sets such variables itself for a service whose name begins with "remuda".
        let known = Setting.allCases.map(\.variable) + [Setting.fileVariable, CrashPoint.variable]
        for variable in environment.keys.sorted() where variable.hasPrefix(Setting.environmentPrefix) && !known.contains(variable) {
            warnings.append("\(variable) is not a setting and is ignored: \(suggestion(for: variable, among: known))")
        }
        return warnings
    }
}
