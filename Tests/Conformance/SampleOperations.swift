import NFSTestClient

extension Operation {
    /// A well-formed request for an operation, whether or not it makes sense where it is sent.
    static func sample(_ code: OperationCode) -> Operation {
        switch code {
        case .access: .access(.all)
        case .close: .close(.anonymous)
        case .commit: .commit()
        case .create: .create(.directory, "name", .mode(0o755))
        case .delegPurge: .delegPurge()
        case .delegReturn: .delegReturn(.anonymous)
        case .getAttr: .getAttr([.type, .size, .mode])
        case .getFH: .getFH
        case .link: .link("name")
        case .lock: .lock(.write, .open(.anonymous, "owner"))
        case .lockT: .lockT(.write, owner: "owner")
        case .lockU: .lockU(.anonymous)
        case .lookup: .lookup("name")
        case .lookupP: .lookupP
        case .nVerify: .nVerify(.size(1))
        case .open: .open(.null("name"), .unchecked(.mode(0o644)))
        case .openAttr: .openAttr(create: false)
        case .openConfirm: .openConfirm(.anonymous)
        case .openDowngrade: .openDowngrade(.anonymous, access: .read)
        case .putFH: .putFH(FileHandle(Array(repeating: 1, count: 32)))
        case .putPubFH: .putPubFH
        case .putRootFH: .putRootFH
        case .read: .read(count: 1)
        case .readDir: .readDir([.type])
        case .readLink: .readLink
        case .remove: .remove("name")
        case .rename: .rename("name", to: "other")
        case .renew: .renew()
        case .restoreFH: .restoreFH
        case .saveFH: .saveFH
        case .secInfo: .secInfo("name")
        case .setAttr: .setAttr(.mode(0o644))
        case .setClientID: .setClientID()
        case .setClientIDConfirm: .setClientIDConfirm()
        case .verify: .verify(.size(1))
        case .write: .write(.anonymous, [1, 2, 3])
        case .releaseLockOwner: .releaseLockOwner()
        case .backchannelCtl: .backchannelCtl(security: [.sys(uid: 0, gid: 0)])
        case .bindConnToSession: .bindConnToSession(SessionID(Array(repeating: 1, count: 16)), direction: 3)
        case .exchangeID: .exchangeID(.unique())
        case .createSession: .createSession(clientID: 1, sequence: 1, security: [.none, .sys(uid: 0, gid: 0)])
        case .destroySession: .destroySession(SessionID(Array(repeating: 1, count: 16)))
        case .freeStateID: .freeStateID(.anonymous)
        case .getDirDelegation: .getDirDelegation()
        case .getDeviceInfo: .getDeviceInfo()
        case .getDeviceList: .getDeviceList()
        case .layoutCommit: .layoutCommit()
        case .layoutGet: .layoutGet()
        case .layoutReturn: .layoutReturn()
        case .secInfoNoName: .secInfoNoName()
        case .sequence: .sequence(SessionID(Array(repeating: 1, count: 16)), sequence: 1)
        case .setSSV: .setSSV()
        case .testStateID: .testStateID([.anonymous, .current])
        case .wantDelegation: .wantDelegation()
        case .destroyClientID: .destroyClientID(1)
        case .reclaimComplete: .reclaimComplete()
        case .illegal: Operation(.illegal)
        }
    }

    /// Every operation of the minor version.
    static let samples = OperationCode.allCases.filter { $0 != .illegal }.map { sample($0) }
}
