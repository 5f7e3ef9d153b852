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
            (.cacheMemory, Node(ByteCount.text(of: limits.cacheMemory))),
            (.cachedDescriptors, Node(String(limits.cachedDescriptors))),
            (.logLevel, Node(logLevel.rawValue)),
            (.logFormat, Node(logFormat.rawValue)),
        ]
        return pairs
    }
}

extension ExportConfiguration {
    fileprivate var node: Node {
        let pairs: [(ConfigurationFile.ExportKey, Node)] =
            [
                (.path, Node(path)),
                (.pseudo, Node(pseudoPath)),
            ] + rule.pairs + [
                (.allowedNetworks, Node(allowedNetworks.map { $0.node(inside: rule) })),
                (.sync, Node(String(isSynchronous))),
                (.crossMounts, Node(String(crossesMounts))),
                (.utf8Only, Node(String(takesUTF8Only))),
                (.allowUnmounted, Node(String(allowsUnmounted))),
            ]
        return .mapping(Node.Mapping(pairs.map { (Node($0.rawValue), $1) }))
    }
}

extension ExportRule {
    fileprivate var pairs: [(ConfigurationFile.ExportKey, Node)] {
        [
            (.readOnly, Node(String(isReadOnly))),
            (.squash, Node(squash.rawValue)),
            (.anonymousUID, Node(String(anonymous.uid))),
            (.anonymousGID, Node(String(anonymous.gid))),
            (.security, Node(security.map { Node($0.rawValue) })),
            (.unknownPrincipals, Node(unknownPrincipals.rawValue)),
            (.machineRoot, Node(String(machinesAreRoot))),
        ]
    }
}

extension AllowedNetwork {
    /// The network, with what differs from the rule of the export.
    fileprivate func node(inside outer: ExportRule) -> Node {
        let different = zip(rule.pairs, outer.pairs).filter { $0.1 != $1.1 }.map(\.0)
        let network = Node(network.description)
        guard !different.isEmpty else { return network }
        let pairs = [(ConfigurationFile.NetworkKey.network.rawValue, network)] + different.map { ($0.rawValue, $1) }
        return .mapping(Node.Mapping(pairs.map { (Node($0), $1) }))
    }
}
