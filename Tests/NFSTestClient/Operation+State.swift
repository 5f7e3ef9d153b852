// Opens, locks and stateids.
extension Operation {
    /// openflag4.
    package enum OpenHow: Sendable {
        case noCreate
        case unchecked(FileAttributes)
        case guarded(FileAttributes)
        case exclusive(Verifier)
        case exclusive41(Verifier, FileAttributes)
    }

    /// open_claim4.
    package enum OpenClaim: Sendable {
        case null(String)
        /// With the open_delegation_type4 the client held.
        case previous(UInt32)
        case delegateCurrent(StateID, String)
        case delegatePrevious(String)
        case fileHandle
        case delegateCurrentFH(StateID)
        case delegatePreviousFH
    }

    package static func open(
        _ claim: OpenClaim, _ how: OpenHow = .noCreate, access: Share = .both, deny: Share = .none, owner: StateOwner = "owner"
    ) -> Operation {
        Operation(.open) {
            $0.uint32(0)
            $0.uint32(access.rawValue)
            $0.uint32(deny.rawValue)
            $0.owner(owner)
            $0.openHow(how)
            $0.openClaim(claim)
        }
    }

    /// Opens an entry for reading by a name of any bytes.
    package static func open(bytes name: [UInt8]) -> Operation {
        Operation(.open) {
            $0.uint32(0)
            $0.uint32(Share.read.rawValue)
            $0.uint32(Share.none.rawValue)
            $0.owner("owner")
            $0.openHow(.noCreate)
            $0.uint32(0)
            $0.opaque(name)
        }
    }

    package static func openDowngrade(_ stateID: StateID, access: Share, deny: Share = .none) -> Operation {
        Operation(.openDowngrade) {
            $0.stateID(stateID)
            $0.uint32(0)
            $0.uint32(access.rawValue)
            $0.uint32(deny.rawValue)
        }
    }

    package static func close(_ stateID: StateID) -> Operation {
        Operation(.close) {
            $0.uint32(0)
            $0.stateID(stateID)
        }
    }

    /// locker4.
    package enum Locker: Sendable {
        case open(StateID, StateOwner)
        case lock(StateID)
    }

    package static func lock(
        _ type: LockType, offset: UInt64 = 0, length: UInt64 = .max, _ locker: Locker, reclaim: Bool = false
    ) -> Operation {
        Operation(.lock) {
            $0.uint32(type.rawValue)
            $0.bool(reclaim)
            $0.uint64(offset)
            $0.uint64(length)
            switch locker {
            case .open(let stateID, let owner):
                $0.bool(true)
                $0.uint32(0)
                $0.stateID(stateID)
                $0.uint32(0)
                $0.owner(owner)
            case .lock(let stateID):
                $0.bool(false)
                $0.stateID(stateID)
                $0.uint32(0)
            }
        }
    }

    package static func lockT(_ type: LockType, offset: UInt64 = 0, length: UInt64 = .max, owner: StateOwner) -> Operation {
        Operation(.lockT) {
            $0.uint32(type.rawValue)
            $0.uint64(offset)
            $0.uint64(length)
            $0.owner(owner)
        }
    }

    package static func lockU(_ stateID: StateID, offset: UInt64 = 0, length: UInt64 = .max, type: LockType = .write) -> Operation {
        Operation(.lockU) {
            $0.uint32(type.rawValue)
            $0.uint32(0)
            $0.stateID(stateID)
            $0.uint64(offset)
            $0.uint64(length)
        }
    }

    package static func testStateID(_ stateIDs: [StateID]) -> Operation {
        Operation(.testStateID) { $0.array(stateIDs) { $0.stateID($1) } }
    }

    package static func freeStateID(_ stateID: StateID) -> Operation { Operation(.freeStateID) { $0.stateID(stateID) } }

    package static func delegPurge(clientID: UInt64 = 0) -> Operation { Operation(.delegPurge) { $0.uint64(clientID) } }

    package static func delegReturn(_ stateID: StateID) -> Operation { Operation(.delegReturn) { $0.stateID(stateID) } }

    package static func wantDelegation(want: UInt32 = 0x0100) -> Operation {
        Operation(.wantDelegation) {
            $0.uint32(want)
            $0.uint32(4)
        }
    }

    package static func getDirDelegation(signal: Bool = false) -> Operation {
        Operation(.getDirDelegation) {
            $0.bool(signal)
            $0.attributeSet([])
            $0.time(Time(seconds: 0))
            $0.time(Time(seconds: 0))
            $0.attributeSet([])
            $0.attributeSet([])
        }
    }
}

extension XDREncoder {
    fileprivate mutating func openHow(_ how: Operation.OpenHow) {
        if case .noCreate = how { return uint32(0) }
        uint32(1)
        switch how {
        case .noCreate: break
        case .unchecked(let attributes):
            uint32(0)
            self.attributes(attributes)
        case .guarded(let attributes):
            uint32(1)
            self.attributes(attributes)
        case .exclusive(let verifier):
            uint32(2)
            fixed(verifier.bytes)
        case .exclusive41(let verifier, let attributes):
            uint32(3)
            fixed(verifier.bytes)
            self.attributes(attributes)
        }
    }

    fileprivate mutating func openClaim(_ claim: Operation.OpenClaim) {
        switch claim {
        case .null(let name):
            uint32(0)
            string(name)
        case .previous(let delegation):
            uint32(1)
            uint32(delegation)
        case .delegateCurrent(let stateID, let name):
            uint32(2)
            self.stateID(stateID)
            string(name)
        case .delegatePrevious(let name):
            uint32(3)
            string(name)
        case .fileHandle: uint32(4)
        case .delegateCurrentFH(let stateID):
            uint32(5)
            self.stateID(stateID)
        case .delegatePreviousFH: uint32(6)
        }
    }
}
