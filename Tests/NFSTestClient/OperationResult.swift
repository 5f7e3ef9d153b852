/// One nfs_resop4.
package struct OperationResult: Sendable {
    package let code: OperationCode
    package let status: Status
    package let body: ResultBody

    package var outcome: Outcome { Outcome(code, status) }
}

/// What an operation came to, for comparing with what it should have come to.
package struct Outcome: Hashable, Sendable, CustomStringConvertible {
    package let operation: OperationCode
    package let status: Status

    package init(_ operation: OperationCode, _ status: Status) {
        self.operation = operation
        self.status = status
    }

    package var description: String { "\(operation) \(status)" }
}

/// The part of an nfs_resop4 that depends on the operation.
package enum ResultBody: Sendable {
    case none
    case access(supported: AccessBits, granted: AccessBits)
    case attributes(FileAttributes)
    case attributesSet(AttributeSet)
    case bindConnection(SessionID, direction: UInt32)
    case changed(ChangeInfo)
    case created(ChangeInfo, attributes: AttributeSet)
    case directoryDelegation(unavailable: Bool)
    case entries(Entries)
    case exchangeID(ExchangeIDResult)
    case handle(FileHandle)
    case link([UInt8])
    case lockDenied(LockDenied)
    case open(OpenResult)
    case read(eof: Bool, data: [UInt8])
    case renamed(source: ChangeInfo, target: ChangeInfo)
    case security([UInt32])
    case sequence(SequenceResult)
    case session(CreateSessionResult)
    case stateID(StateID)
    case statuses([Status])
    case verifier(Verifier)
    case wrote(WriteResult)
}

package struct ExchangeIDResult: Equatable, Sendable {
    package let clientID: UInt64
    package let sequence: UInt32
    package let flags: Operation.ExchangeFlags
    package let protection: UInt32
    /// spo_must_enforce and spo_must_allow, as granted: the numbers of operations.
    package let enforced: AttributeSet
    package let allowed: AttributeSet
    package let serverMinorID: UInt64
    package let serverMajorID: [UInt8]
    package let serverScope: [UInt8]
}

package struct CreateSessionResult: Equatable, Sendable {
    package let id: SessionID
    package let sequence: UInt32
    package let flags: UInt32
    package let fore: ChannelAttributes
    package let back: ChannelAttributes
}

package struct SequenceResult: Equatable, Sendable {
    package let session: SessionID
    package let sequence: UInt32
    package let slot: UInt32
    package let highestSlot: UInt32
    package let targetHighestSlot: UInt32
    package let flags: UInt32
}

package struct OpenResult: Sendable {
    /// open_delegation4, of which a test only has to know what came.
    package enum Delegation: Equatable, Sendable {
        case none
        /// With the why_no_delegation4.
        case noneExtended(UInt32)
        case read(StateID)
        case write(StateID)
    }

    package let stateID: StateID
    package let change: ChangeInfo
    package let flags: UInt32
    package let attributesSet: AttributeSet
    package let delegation: Delegation
}

package struct LockDenied: Equatable, Sendable {
    package let offset: UInt64
    package let length: UInt64
    package let type: LockType
    package let owner: StateOwner
}

package struct WriteResult: Equatable, Sendable {
    package let count: UInt32
    package let committed: StableHow
    package let verifier: Verifier
}

package struct Entries: Sendable {
    package struct Entry: Sendable {
        package let cookie: UInt64
        package let name: [UInt8]
        package let attributes: FileAttributes
    }

    package let verifier: Verifier
    package let entries: [Entry]
    package let eof: Bool
    /// The encoded size of READDIR4resok, which maxcount limits (RFC 8881 §18.23.3).
    package let encodedSize: Int

    package var names: [String] { entries.map { String(decoding: $0.name, as: UTF8.self) } }
}

extension XDRDecoder {
    mutating func operationResult() throws -> OperationResult {
        let number = try uint32()
        guard let code = OperationCode(rawValue: number) else { throw ProtocolViolation("result of the unknown operation \(number)") }
        let status = try self.status()
        let body = status == .ok ? try successBody(code) : try failureBody(code, status)
        return OperationResult(code: code, status: status, body: body)
    }

    /// The few operations whose failure says more than a status.
    private mutating func failureBody(_ code: OperationCode, _ status: Status) throws -> ResultBody {
        switch (code, status) {
        case (.setAttr, _): return .attributesSet(try attributeSet())
        case (.lock, .denied), (.lockT, .denied):
            return .lockDenied(
                LockDenied(
                    offset: try uint64(), length: try uint64(), type: try enumeration(LockType.self),
                    owner: StateOwner(clientID: try uint64(), id: try opaque())))
        case (.getDeviceInfo, .tooSmall), (.layoutGet, .layoutTryLater):
            _ = try uint32()
            return .none
        default: return .none
        }
    }

    private mutating func successBody(_ code: OperationCode) throws -> ResultBody {
        switch code {
        case .access:
            return .access(supported: AccessBits(rawValue: try uint32()), granted: AccessBits(rawValue: try uint32()))
        case .bindConnToSession:
            let result = ResultBody.bindConnection(SessionID(try fixed(16)), direction: try uint32())
            _ = try bool()
            return result
        case .close, .lock, .lockU, .openConfirm, .openDowngrade: return .stateID(try stateID())
        case .commit: return .verifier(try verifier())
        case .create: return .created(try changeInfo(), attributes: try attributeSet())
        case .createSession: return .session(try createSessionResult())
        case .exchangeID: return .exchangeID(try exchangeIDResult())
        case .getAttr: return .attributes(try attributes())
        case .getDirDelegation: return try directoryDelegation()
        case .getFH:
            let handle = try opaque()
            guard handle.count <= 128 else { throw ProtocolViolation("filehandle of \(handle.count) bytes, NFS4_FHSIZE is 128") }
            return .handle(FileHandle(handle))
        case .link, .remove: return .changed(try changeInfo())
        case .open: return .open(try openResult())
        case .read: return .read(eof: try bool(), data: try opaque())
        case .readDir: return .entries(try entries())
        case .readLink: return .link(try opaque())
        case .rename: return .renamed(source: try changeInfo(), target: try changeInfo())
        case .secInfo, .secInfoNoName: return .security(try array { try $0.securityFlavor() })
        case .sequence: return .sequence(try sequenceResult())
        case .setAttr: return .attributesSet(try attributeSet())
        case .testStateID: return .statuses(try array { try $0.status() })
        case .write:
            return .wrote(WriteResult(count: try uint32(), committed: try enumeration(StableHow.self), verifier: try verifier()))
        case .backchannelCtl, .delegPurge, .delegReturn, .destroyClientID, .destroySession, .freeStateID, .lockT, .lookup, .lookupP,
            .nVerify, .openAttr, .putFH, .putPubFH, .putRootFH, .reclaimComplete, .releaseLockOwner, .renew, .restoreFH, .saveFH,
            .setClientIDConfirm, .verify:
            return .none
        case .getDeviceInfo, .getDeviceList, .illegal, .layoutCommit, .layoutGet, .layoutReturn, .setClientID, .setSSV, .wantDelegation:
            throw ProtocolViolation("\(code) succeeded, which no test expects")
        }
    }

    private mutating func createSessionResult() throws -> CreateSessionResult {
        CreateSessionResult(
            id: SessionID(try fixed(16)), sequence: try uint32(), flags: try uint32(), fore: try channel(), back: try channel())
    }

    private mutating func exchangeIDResult() throws -> ExchangeIDResult {
        let clientID = try uint64()
        let sequence = try uint32()
        let flags = Operation.ExchangeFlags(rawValue: try uint32())
        let protection = try uint32()
        var (enforced, allowed) = (AttributeSet(), AttributeSet())
        switch protection {
        case 0: break
        case 1: (enforced, allowed) = (try attributeSet(), try attributeSet())
        default: throw ProtocolViolation("state protection \(protection) was not asked for")
        }
        let result = ExchangeIDResult(
            clientID: clientID, sequence: sequence, flags: flags, protection: protection, enforced: enforced, allowed: allowed,
            serverMinorID: try uint64(),
            serverMajorID: try opaque(), serverScope: try opaque())
        let implementations = try array { (try $0.string(), try $0.string(), try $0.time()) }
        guard implementations.count <= 1 else { throw ProtocolViolation("\(implementations.count) server implementations") }
        return result
    }

    private mutating func sequenceResult() throws -> SequenceResult {
        SequenceResult(
            session: SessionID(try fixed(16)), sequence: try uint32(), slot: try uint32(), highestSlot: try uint32(),
            targetHighestSlot: try uint32(), flags: try uint32())
    }

    private mutating func directoryDelegation() throws -> ResultBody {
        guard try uint32() == 1 else { throw ProtocolViolation("a directory delegation was granted, which no test expects") }
        _ = try bool()
        return .directoryDelegation(unavailable: true)
    }

    /// A flavor of RPCSEC_GSS as the number registered for Kerberos with its service: 390003 krb5, 390004 krb5i, 390005 krb5p.
    private mutating func securityFlavor() throws -> UInt32 {
        let flavor = try uint32()
        guard flavor == 6 else { return flavor }
        let (mechanism, quality, service) = (try opaque(), try uint32(), try uint32())
        guard mechanism == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02], quality == 0, (1...3).contains(service) else {
            throw ProtocolViolation("secinfo4 of mechanism \(mechanism), quality \(quality), service \(service)")
        }
        return 390_002 + service
    }

    private mutating func entries() throws -> Entries {
        let start = offset
        let verifier = try self.verifier()
        var entries: [Entries.Entry] = []
        while try bool() { entries.append(Entries.Entry(cookie: try uint64(), name: try opaque(), attributes: try attributes())) }
        let eof = try bool()
        return Entries(verifier: verifier, entries: entries, eof: eof, encodedSize: offset - start)
    }

    private mutating func openResult() throws -> OpenResult {
        OpenResult(
            stateID: try stateID(), change: try changeInfo(), flags: try uint32(), attributesSet: try attributeSet(),
            delegation: try delegation())
    }

    private mutating func delegation() throws -> OpenResult.Delegation {
        switch try uint32() {
        case 0: return .none
        case 1:
            let stateID = try self.stateID()
            _ = try bool()
            try permissions()
            return .read(stateID)
        case 2:
            let stateID = try self.stateID()
            _ = try bool()
            _ = try uint32()
            _ = try uint64()
            try permissions()
            return .write(stateID)
        case 3:
            let reason = try uint32()
            if reason == 1 || reason == 2 { _ = try bool() }
            return .noneExtended(reason)
        case let other: throw ProtocolViolation("open_delegation_type4 \(other)")
        }
    }

    private mutating func permissions() throws {
        for _ in 0..<3 { _ = try uint32() }
        _ = try opaque()
    }
}
