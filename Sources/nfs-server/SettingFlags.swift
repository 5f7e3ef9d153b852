import ArgumentParser
import NFSDaemon

/// One flag for each setting. Texts are passed on as they are, so that a mistake reads alike wherever it was made.
struct SettingFlags: ParsableArguments {
    @Option(.export) var export: [String] = []
    @Option(.security) var security: [String] = []
    @Option(.listen) var listen: [String] = []
    @Option(.lease) var lease: String?
    @Option(.grace) var grace: String?
    @Option(.graceIO) var graceIO: String?
    @Option(.recoveryURL) var recoveryURL: String?
    @Option(.recoveryTokenFile) var recoveryTokenFile: String?
    @Option(.recoveryAuthority) var recoveryAuthority: String?
    @Option(.recoveryCertificate) var recoveryCertificate: String?
    @Option(.recoveryKey) var recoveryKey: String?
    @Option(.recoveryDeadline) var recoveryDeadline: String?
    @Option(.stateDirectory) var stateDirectory: String?
    @Option(.deadHostsCommand) var deadHostsCommand: String?
    @Option(.hostname) var hostname: String?
    @Option(.adminSocket) var adminSocket: String?
    @Option(.metricsAddress) var metricsAddress: String?
    @Flag(.rpcbind) var rpcbind: Bool?
    @Option(.ownerDomain) var ownerDomain: String?
    @Flag(.ownerNames) var ownerNames: Bool?
    @Flag(.manageGroups) var manageGroups: Bool?
    @Option(.keytab) var keytab: String?
    @Option(.servicePrincipal) var servicePrincipal: String?
    @Flag(.allowUnmounted) var allowUnmounted: Bool?
    @Option(.loops) var loops: String?
    @Option(.workers) var workers: String?
    @Option(.maximumConnections) var maximumConnections: String?
    @Option(.maximumClients) var maximumClients: String?
    @Option(.maximumSessions) var maximumSessions: String?
    @Option(.maximumTransfer) var maximumTransfer: String?
    @Option(.bufferMemory) var bufferMemory: String?
    @Option(.cacheMemory) var cacheMemory: String?
    @Option(.cachedDescriptors) var cachedDescriptors: String?
    @Option(.logLevel) var logLevel: String?
    @Option(.logFormat) var logFormat: String?

    /// The flags that were given.
    var values: [Setting: [String]] {
        let lists: [Setting: [String]] = [.export: export, .security: security, .listen: listen]
        let texts: [Setting: String?] = [
            .lease: lease, .grace: grace, .graceIO: graceIO, .recoveryURL: recoveryURL, .recoveryTokenFile: recoveryTokenFile,
            .recoveryAuthority: recoveryAuthority, .recoveryCertificate: recoveryCertificate, .recoveryKey: recoveryKey,
            .recoveryDeadline: recoveryDeadline,
            .stateDirectory: stateDirectory, .deadHostsCommand: deadHostsCommand, .hostname: hostname,
            .adminSocket: adminSocket, .metricsAddress: metricsAddress, .rpcbind: rpcbind.map(String.init), .ownerDomain: ownerDomain,
            .ownerNames: ownerNames.map(String.init), .manageGroups: manageGroups.map(String.init), .keytab: keytab,
            .servicePrincipal: servicePrincipal,
            .allowUnmounted: allowUnmounted.map(String.init),
            .loops: loops, .workers: workers, .maximumConnections: maximumConnections, .maximumClients: maximumClients,
            .maximumSessions: maximumSessions, .maximumTransfer: maximumTransfer, .bufferMemory: bufferMemory,
            .cacheMemory: cacheMemory, .cachedDescriptors: cachedDescriptors, .logLevel: logLevel, .logFormat: logFormat,
        ]
        return texts.compactMapValues { $0.map { [$0] } }.merging(lists.filter { !$0.value.isEmpty }) { $1 }
    }
}

extension Option where Value == String? {
    fileprivate init(_ setting: Setting) {
        self.init(name: .customLong(setting.rawValue), help: setting.help)
    }
}

extension Option where Value == [String] {
    fileprivate init(wrappedValue: [String], _ setting: Setting) {
        self.init(wrappedValue: wrappedValue, name: .customLong(setting.rawValue), parsing: .singleValue, help: setting.help)
    }
}

extension Flag where Value == Bool? {
    fileprivate init(_ setting: Setting) {
        self.init(name: .customLong(setting.rawValue), inversion: .prefixedNo, help: setting.help)
    }
}

extension Setting {
    fileprivate var help: ArgumentHelp {
        let description = description
        let meaning = (description.standard ?? description.standardMeaning).map { " (default: \($0))" } ?? ""
        return ArgumentHelp("\(description.summary)\(meaning).", valueName: description.placeholder)
    }
}
