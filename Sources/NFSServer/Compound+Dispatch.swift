import NFSProtocol
import XDR

extension Compound {
    /// Every operation NFSv4.1 defines has its line here: the operation, or the answer to one that this server does not
    /// offer. That is NFS4ERR_NOTSUPP (RFC 8881 §15.1.1.5), never OP_ILLEGAL, which clients take for a broken server.
    func dispatch(_ code: OperationCode, _ request: inout XDRReader) -> NFSStatus {
        switch code {
        case .access: perform(Access.self, &request)
        case .backchannelCtl: perform(BackchannelCtl.self, &request)
        case .bindConnToSession: perform(BindConnToSession.self, &request)
        case .close: perform(Close.self, &request)
        case .commit: perform(Commit.self, &request)
        case .create: perform(Create.self, &request)
        case .createSession: perform(CreateSession.self, &request)
        case .destroyClientid: perform(DestroyClientID.self, &request)
        case .destroySession: perform(DestroySession.self, &request)
        case .exchangeID: perform(ExchangeID.self, &request)
        case .freeStateid: perform(FreeStateID.self, &request)
        case .getDirDelegation: perform(GetDirDelegation.self, &request)
        case .getattr: perform(GetAttr.self, &request)
        case .getfh: perform(GetFH.self, &request)
        case .link: perform(Link.self, &request)
        case .lock: perform(Lock.self, &request)
        case .lockt: perform(LockT.self, &request)
        case .locku: perform(LockU.self, &request)
        case .lookup: perform(Lookup.self, &request)
        case .lookupp: perform(LookupP.self, &request)
        case .nverify: perform(NVerify.self, &request)
        case .open: perform(Open.self, &request)
        case .openDowngrade: perform(OpenDowngrade.self, &request)
        case .putfh: perform(PutFH.self, &request)
        case .putpubfh: perform(PutPubFH.self, &request)
        case .putrootfh: perform(PutRootFH.self, &request)
        case .read: perform(Read.self, &request)
        case .readdir: perform(ReadDir.self, &request)
        case .readlink: perform(ReadLink.self, &request)
        case .reclaimComplete: perform(ReclaimComplete.self, &request)
        case .remove: perform(Remove.self, &request)
        case .rename: perform(Rename.self, &request)
        case .restorefh: perform(RestoreFH.self, &request)
        case .savefh: perform(SaveFH.self, &request)
        case .secinfo: perform(SecInfo.self, &request)
        case .secinfoNoName: perform(SecInfoNoName.self, &request)
        case .sequence: perform(Sequence.self, &request)
        case .setattr: perform(SetAttr.self, &request)
        case .testStateid: perform(TestStateID.self, &request)
        case .verify: perform(Verify.self, &request)
        case .write: perform(Write.self, &request)
        case .setSSV: perform(SetSSV.self, &request)
        // Optional: delegations, named attributes, pNFS (RFC 8881 §17).
        case .delegpurge: perform(NotOffered<DelegPurgeArguments>.self, &request)
        case .delegreturn: perform(NotOffered<DelegReturnArguments>.self, &request)
        case .getdeviceinfo: perform(NotOffered<GetDeviceInfoArguments>.self, &request)
        case .getdevicelist: perform(NotOffered<GetDeviceListArguments>.self, &request)
        case .layoutcommit: perform(NotOffered<LayoutCommitArguments>.self, &request)
        case .layoutget: perform(NotOffered<LayoutGetArguments>.self, &request)
        case .layoutreturn: perform(NotOffered<LayoutReturnArguments>.self, &request)
        case .openattr: perform(NotOffered<OpenAttrArguments>.self, &request)
        case .wantDelegation: perform(NotOffered<WantDelegationArguments>.self, &request)
        // Retired with NFSv4.0 (RFC 8881 §17, "mandatory to not implement"): wherever they stand (§15.2).
        case .openConfirm, .releaseLockowner, .renew, .setclientid, .setclientidConfirm: .notsupp
        }
    }
}
