/// nfs_opnum4 (RFC 8881 §16.2.3).
package enum OperationCode: UInt32, CaseIterable, Sendable {
    case access = 3
    case close, commit, create, delegPurge, delegReturn, getAttr, getFH, link
    case lock, lockT, lockU, lookup, lookupP, nVerify, open, openAttr, openConfirm, openDowngrade
    case putFH, putPubFH, putRootFH, read, readDir, readLink, remove, rename, renew, restoreFH, saveFH
    case secInfo, setAttr, setClientID, setClientIDConfirm, verify, write, releaseLockOwner
    case backchannelCtl, bindConnToSession, exchangeID, createSession, destroySession, freeStateID
    case getDirDelegation, getDeviceInfo, getDeviceList, layoutCommit, layoutGet, layoutReturn
    case secInfoNoName, sequence, setSSV, testStateID, wantDelegation, destroyClientID, reclaimComplete
    case illegal = 10044
}
