import NFSProtocol
import XDR

extension Compound {
    /// Every operation NFSv4.1 defines has its line here: the operation, or the answer to one that this server does not
    /// offer. That is NFS4ERR_NOTSUPP (RFC 8881 §15.1.1.5), never OP_ILLEGAL, which clients take for a broken server.
    func dispatch(_ code: OperationCode, _ request: inout XDRReader, _ reply: inout XDRWriter) -> NFSStatus {
        switch code {
        case .access: perform(Access.self, &request, &reply)
        case .backchannelCtl: perform(BackchannelCtl.self, &request, &reply)
        case .bindConnToSession: perform(BindConnToSession.self, &request, &reply)
        case .close: perform(Close.self, &request, &reply)
        case .commit: perform(Commit.self, &request, &reply)
        case .create: perform(Create.self, &request, &reply)
        case .createSession: perform(CreateSession.self, &request, &reply)
        case .destroyClientid: perform(DestroyClientID.self, &request, &reply)
        case .destroySession: perform(DestroySession.self, &request, &reply)
        case .exchangeID: perform(ExchangeID.self, &request, &reply)
        case .freeStateid: perform(FreeStateID.self, &request, &reply)
        case .getDirDelegation: perform(GetDirDelegation.self, &request, &reply)
        case .getattr: perform(GetAttr.self, &request, &reply)
        case .getfh: perform(GetFH.self, &request, &reply)
        case .link: perform(Link.self, &request, &reply)
        case .lock: perform(Lock.self, &request, &reply)
        case .lockt: perform(LockT.self, &request, &reply)
        case .locku: perform(LockU.self, &request, &reply)
        case .lookup: perform(Lookup.self, &request, &reply)
        case .lookupp: perform(LookupP.self, &request, &reply)
        case .nverify: perform(NVerify.self, &request, &reply)
        case .open: perform(Open.self, &request, &reply)
        case .openDowngrade: perform(OpenDowngrade.self, &request, &reply)
        case .putfh: perform(PutFH.self, &request, &reply)
        case .putpubfh: perform(PutPubFH.self, &request, &reply)
        case .putrootfh: perform(PutRootFH.self, &request, &reply)
        case .read: perform(Read.self, &request, &reply)
        case .readdir: perform(ReadDir.self, &request, &reply)
        case .readlink: perform(ReadLink.self, &request, &reply)
        case .reclaimComplete: perform(ReclaimComplete.self, &request, &reply)
        case .remove: perform(Remove.self, &request, &reply)
        case .rename: perform(Rename.self, &request, &reply)
        case .restorefh: perform(RestoreFH.self, &request, &reply)
        case .savefh: perform(SaveFH.self, &request, &reply)
        case .secinfo: perform(SecInfo.self, &request, &reply)
        case .secinfoNoName: perform(SecInfoNoName.self, &request, &reply)
        case .sequence: perform(Sequence.self, &request, &reply)
        case .setattr: perform(SetAttr.self, &request, &reply)
        case .testStateid: perform(TestStateID.self, &request, &reply)
        case .verify: perform(Verify.self, &request, &reply)
        case .write: perform(Write.self, &request, &reply)
        case .setSSV: perform(SetSSV.self, &request, &reply)
        // Optional: delegations, named attributes, pNFS (RFC 8881 §17).
        case .delegpurge: perform(NotOffered<DelegPurgeArguments>.self, &request, &reply)
        case .delegreturn: perform(NotOffered<DelegReturnArguments>.self, &request, &reply)
        case .getdeviceinfo: perform(NotOffered<GetDeviceInfoArguments>.self, &request, &reply)
        case .getdevicelist: perform(NotOffered<GetDeviceListArguments>.self, &request, &reply)
        case .layoutcommit: perform(NotOffered<LayoutCommitArguments>.self, &request, &reply)
        case .layoutget: perform(NotOffered<LayoutGetArguments>.self, &request, &reply)
        case .layoutreturn: perform(NotOffered<LayoutReturnArguments>.self, &request, &reply)
        case .openattr: perform(NotOffered<OpenAttrArguments>.self, &request, &reply)
        case .wantDelegation: perform(NotOffered<WantDelegationArguments>.self, &request, &reply)
        // Retired with NFSv4.0 (RFC 8881 §17, "mandatory to not implement"): wherever they stand (§15.2).
        case .openConfirm, .releaseLockowner, .renew, .setclientid, .setclientidConfirm: .notsupp
        }
    }
}
