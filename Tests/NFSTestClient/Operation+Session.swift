// Client IDs and sessions.
extension Operation {
    /// EXCHGID4_FLAG_*.
    package struct ExchangeFlags: OptionSet, Hashable, Sendable {
        package let rawValue: UInt32

        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let supportsReferrals = ExchangeFlags(rawValue: 0x1)
        package static let bindPrincipalStateID = ExchangeFlags(rawValue: 0x100)
        package static let useNonPNFS = ExchangeFlags(rawValue: 0x0001_0000)
        package static let usePNFSMetadata = ExchangeFlags(rawValue: 0x0002_0000)
        package static let usePNFSData = ExchangeFlags(rawValue: 0x0004_0000)
        package static let updateConfirmedRecord = ExchangeFlags(rawValue: 0x4000_0000)
        package static let confirmed = ExchangeFlags(rawValue: 0x8000_0000)
    }

    /// state_protect4_a.
    package enum StateProtection: Sendable {
        case none
        case machineCredential(mustEnforce: AttributeSet, mustAllow: AttributeSet)
        /// With these object identifiers of algorithms.
        case ssv(hashes: [[UInt8]] = [[1]], encryptions: [[UInt8]] = [[1]], window: UInt32 = 1)
        case undefined
    }

    package static func exchangeID(
        _ owner: ClientOwner, flags: ExchangeFlags = [], protection: StateProtection = .none, implementations: Int = 1
    ) -> Operation {
        Operation(.exchangeID) {
            $0.fixed(owner.verifier.bytes)
            $0.opaque(owner.id)
            $0.uint32(flags.rawValue)
            switch protection {
            case .none: $0.uint32(0)
            case .machineCredential(let mustEnforce, let mustAllow):
                $0.uint32(1)
                $0.attributeSet(mustEnforce)
                $0.attributeSet(mustAllow)
            case .ssv(let hashes, let encryptions, let window):
                $0.uint32(2)
                $0.attributeSet([])
                $0.attributeSet([])
                $0.array(hashes) { $0.opaque($1) }
                $0.array(encryptions) { $0.opaque($1) }
                $0.uint32(window)
                $0.uint32(1)
            case .undefined: $0.uint32(3)
            }
            $0.array(Array(repeating: "conformance", count: implementations)) {
                $0.string("test.invalid")
                $0.string($1)
                $0.time(Time(seconds: 0))
            }
        }
    }

    /// callback_sec_parms4.
    package enum CallbackSecurity: Sendable {
        case none
        case sys(uid: UInt32, gid: UInt32)
        /// With the handle of a context the server has made, or not; the service, and the client's own handle.
        case gss(handle: [UInt8], service: UInt32 = 1, clientHandle: [UInt8] = [5, 6, 7, 8])
        /// A flavour that may not stand here.
        case undefined
    }

    package static let callbackProgram: UInt32 = 0x4000_0000

    package static let createSessionPersist: UInt32 = 1
    package static let createSessionBackChannel: UInt32 = 2

    package static func createSession(
        clientID: UInt64, sequence: UInt32, flags: UInt32 = 0, fore: ChannelAttributes = ChannelAttributes(),
        back: ChannelAttributes = ChannelAttributes(), program: UInt32 = callbackProgram, security: [CallbackSecurity] = [.none]
    ) -> Operation {
        Operation(.createSession) {
            $0.uint64(clientID)
            $0.uint32(sequence)
            $0.uint32(flags)
            $0.channel(fore)
            $0.channel(back)
            $0.uint32(program)
            $0.callbackSecurity(security)
        }
    }

    package static func backchannelCtl(program: UInt32 = callbackProgram, security: [CallbackSecurity] = [.none]) -> Operation {
        Operation(.backchannelCtl) {
            $0.uint32(program)
            $0.callbackSecurity(security)
        }
    }

    package static func destroySession(_ id: SessionID) -> Operation { Operation(.destroySession) { $0.fixed(id.bytes) } }

    /// `direction` is a channel_dir_from_client4: 1 fore, 2 back, 3 fore or both, 7 back or both.
    package static func bindConnToSession(_ id: SessionID, direction: UInt32) -> Operation {
        Operation(.bindConnToSession) {
            $0.fixed(id.bytes)
            $0.uint32(direction)
            $0.bool(false)
        }
    }

    package static func sequence(
        _ id: SessionID, sequence: UInt32, slot: UInt32 = 0, highestSlot: UInt32? = nil, cacheThis: Bool = false
    ) -> Operation {
        Operation(.sequence) {
            $0.fixed(id.bytes)
            $0.uint32(sequence)
            $0.uint32(slot)
            $0.uint32(highestSlot ?? slot)
            $0.bool(cacheThis)
        }
    }

    package static func destroyClientID(_ id: UInt64) -> Operation { Operation(.destroyClientID) { $0.uint64(id) } }

    package static func reclaimComplete(oneFS: Bool = false) -> Operation { Operation(.reclaimComplete) { $0.bool(oneFS) } }

    package static func setSSV() -> Operation {
        Operation(.setSSV) {
            $0.opaque([1])
            $0.opaque([1])
        }
    }
}

// pNFS.
extension Operation {
    package static let layoutTypeFiles: UInt32 = 1

    package static func getDeviceInfo() -> Operation {
        Operation(.getDeviceInfo) {
            $0.fixed(Array(repeating: 0, count: 16))
            $0.uint32(layoutTypeFiles)
            $0.uint32(4096)
            $0.attributeSet([])
        }
    }

    package static func getDeviceList() -> Operation {
        Operation(.getDeviceList) {
            $0.uint32(layoutTypeFiles)
            $0.uint32(16)
            $0.uint64(0)
            $0.fixed(Verifier.zero.bytes)
        }
    }

    package static func layoutCommit() -> Operation {
        Operation(.layoutCommit) {
            $0.uint64(0)
            $0.uint64(1)
            $0.bool(false)
            $0.stateID(.anonymous)
            $0.bool(false)
            $0.bool(false)
            $0.uint32(layoutTypeFiles)
            $0.opaque([])
        }
    }

    package static func layoutGet() -> Operation {
        Operation(.layoutGet) {
            $0.bool(false)
            $0.uint32(layoutTypeFiles)
            $0.uint32(1)
            $0.uint64(0)
            $0.uint64(.max)
            $0.uint64(1)
            $0.stateID(.anonymous)
            $0.uint32(4096)
        }
    }

    /// Returns all layouts of the client.
    package static func layoutReturn() -> Operation {
        Operation(.layoutReturn) {
            $0.bool(false)
            $0.uint32(layoutTypeFiles)
            $0.uint32(1)
            $0.uint32(3)
        }
    }
}

// Operations which only minor version 0 has.
extension Operation {
    package static func setClientID() -> Operation {
        Operation(.setClientID) {
            $0.fixed(Verifier.zero.bytes)
            $0.string("conformance")
            $0.uint32(0x4000_0000)
            $0.string("tcp")
            $0.string("127.0.0.1.0.0")
            $0.uint32(0)
        }
    }

    package static func setClientIDConfirm() -> Operation {
        Operation(.setClientIDConfirm) {
            $0.uint64(0)
            $0.fixed(Verifier.zero.bytes)
        }
    }

    package static func openConfirm(_ stateID: StateID) -> Operation {
        Operation(.openConfirm) {
            $0.stateID(stateID)
            $0.uint32(0)
        }
    }

    package static func renew() -> Operation { Operation(.renew) { $0.uint64(0) } }

    package static func releaseLockOwner() -> Operation { Operation(.releaseLockOwner) { $0.owner("owner") } }
}

extension XDREncoder {
    fileprivate mutating func callbackSecurity(_ parameters: [Operation.CallbackSecurity]) {
        array(parameters) { encoder, parameter in
            switch parameter {
            case .none: encoder.uint32(0)
            case .sys(let uid, let gid):
                encoder.uint32(1)
                encoder.raw(Credential.sysBody(uid: uid, gid: gid, groups: [], machine: "conformance"))
            case .gss(let handle, let service, let clientHandle):
                encoder.uint32(6)
                encoder.uint32(service)
                encoder.opaque(handle)
                encoder.opaque(clientHandle)
            case .undefined: encoder.uint32(2)
            }
        }
    }
}
