import NFSServer
import RPC
import Yams

extension ServerConfiguration {
    /// The whole configuration as a file that, read alone, gives this configuration again.
    package func yaml() throws -> String {
        try Yams.serialize(node: .mapping(Node.Mapping(pairs.map { (Node($0.rawValue), $1) })))
    }

    /// The settings whose values differ from those of another configuration, but for the exports.
    func settingsThatDiffer(from other: ServerConfiguration) -> [Setting] {
        let (own, others) = (Dictionary(pairs) { $1 }, Dictionary(other.pairs) { $1 })
        return Setting.allCases.filter { $0 != .export && own[$0] != others[$0] }
    }

    private var pairs: [(Setting, Node)] {
        var pairs: [(Setting, Node)] = [
            (.export, Node(exports.map(\.node))),
            (.listen, Node(listen.map { Node($0.description) })),
            (.lease, Node(String(lease.components.seconds))),
            (.grace, Node(String(grace.components.seconds))),
            (.graceIO, Node(graceIO.rawValue)),
            (.recoveryDeadline, Node(String(recoveryDeadline.components.seconds))),
            (.hostname, Node(hostname)),
        ]
        for (setting, text) in [
            (Setting.stateDirectory, stateDirectory), (.recoveryURL, recoveryURL), (.recoveryTokenFile, recoveryTokenFile),
            (.recoveryAuthority, recoveryTLS.authority), (.recoveryCertificate, recoveryTLS.certificate),
            (.recoveryKey, recoveryTLS.key), (.deadHostsCommand, deadHostsCommand),
            (.keytab, keytab), (.servicePrincipal, servicePrincipal),
        ] {
            if let text { pairs.append((setting, Node(text))) }
        }
        if let adminSocket {
            pairs.append((.adminSocket, Node(adminSocket)))
        }
        if let metricsAddress {
            pairs.append((.metricsAddress, Node(metricsAddress.description)))
        }
        if let ownerDomain {
            pairs.append((.ownerDomain, Node(ownerDomain)))
        }
        pairs += [
            (.rpcbind, Node(String(registersWithRPCBind))),
            (.ownerNames, Node(String(sendsOwnerNames))),
            (.manageGroups, Node(String(managesGroups))),
            (.loops, Node(String(loops))),
            (.workers, Node(String(workers))),
            (.maximumConnections, Node(String(limits.connections))),
            (.maximumClients, Node(String(limits.clients))),
            (.maximumSessions, Node(String(limits.sessions))),
            (.maximumTransfer, Node(ByteCount.text(of: limits.transfer))),
            (.bufferMemory, Node(ByteCount.text(of: limits.bufferMemory))),
            (.cachedDescriptors, Node(String(limits.cachedDescriptors))),
            (.logLevel, Node(logLevel.rawValue)),
            (.logFormat, Node(logFormat.rawValue)),
        ]
        return pairs
    }
}

extension ExportConfiguration {
    fileprivate var node: Node {
        let pairs: [(ConfigurationFile.ExportKey, Node)] = [
            (.path, Node(path)),
            (.pseudo, Node(pseudoPath)),
            (.readOnly, Node(String(rule.isReadOnly))),
            (.squash, Node(rule.squash.rawValue)),
            (.anonymousUID, Node(String(rule.anonymous.uid))),
            (.anonymousGID, Node(String(rule.anonymous.gid))),
            (.security, Node(rule.security.map { Node($0.rawValue) })),
            (.unknownPrincipals, Node(rule.unknownPrincipals.rawValue)),
            (.machineRoot, Node(String(rule.machinesAreRoot))),
            (.allowedNetworks, Node(allowedNetworks.map { $0.node(inside: rule) })),
            (.sync, Node(String(isSynchronous))),
            (.crossMounts, Node(String(crossesMounts))),
            (.utf8Only, Node(String(takesUTF8Only))),
            (.allowUnmounted, Node(String(allowsUnmounted))),
        ]
        return .mapping(Node.Mapping(pairs.map { (Node($0.rawValue), $1) }))
    }
}

extension AllowedNetwork {
    /// The network, with what differs from the rule of the export.
    fileprivate func node(inside outer: ExportRule) -> Node {
        var pairs: [(ConfigurationFile.NetworkKey, Node)] = [(.network, Node(network.description))]
        if rule.isReadOnly != outer.isReadOnly { pairs.append((.readOnly, Node(String(rule.isReadOnly)))) }
        if rule.squash != outer.squash { pairs.append((.squash, Node(rule.squash.rawValue))) }
        if rule.anonymous.uid != outer.anonymous.uid { pairs.append((.anonymousUID, Node(String(rule.anonymous.uid)))) }
        if rule.anonymous.gid != outer.anonymous.gid { pairs.append((.anonymousGID, Node(String(rule.anonymous.gid)))) }
        if rule.security != outer.security { pairs.append((.security, Node(rule.security.map { Node($0.rawValue) }))) }
        if rule.unknownPrincipals != outer.unknownPrincipals {
            pairs.append((.unknownPrincipals, Node(rule.unknownPrincipals.rawValue)))
        }
        if rule.machinesAreRoot != outer.machinesAreRoot { pairs.append((.machineRoot, Node(String(rule.machinesAreRoot)))) }
        return pairs.count == 1 ? pairs[0].1 : .mapping(Node.Mapping(pairs.map { (Node($0.rawValue), $1) }))
    }
}
