/// nfs_fh4: opaque to the client.
package struct FileHandle: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// stateid4.
package struct StateID: Hashable, Sendable {
    package var seqid: UInt32
    package var other: [UInt8]

    package init(seqid: UInt32, other: [UInt8]) {
        self.seqid = seqid
        self.other = other
    }

    /// The anonymous stateid of RFC 8881 §8.2.3.
    package static let anonymous = StateID(seqid: 0, other: Array(repeating: 0, count: 12))
    /// The READ bypass stateid of RFC 8881 §8.2.3.
    package static let readBypass = StateID(seqid: .max, other: Array(repeating: 0xff, count: 12))
    /// The "current stateid" of RFC 8881 §16.2.3.1.2.
    package static let current = StateID(seqid: 1, other: Array(repeating: 0, count: 12))
    /// The invalid special stateid of RFC 8881 §8.2.3.
    package static let invalid = StateID(seqid: .max, other: Array(repeating: 0, count: 12))

    package func with(seqid: UInt32) -> StateID { StateID(seqid: seqid, other: other) }
}

/// verifier4: eight opaque bytes.
package struct Verifier: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package init(_ value: UInt64) {
        var encoder = XDREncoder()
        encoder.uint64(value)
        bytes = encoder.bytes
    }

    package static let zero = Verifier(0)
}

/// sessionid4: sixteen opaque bytes.
package struct SessionID: Hashable, Sendable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
}

/// change_info4.
package struct ChangeInfo: Hashable, Sendable {
    package var atomic: Bool
    package var before: UInt64
    package var after: UInt64
}

/// nfstime4.
package struct Time: Hashable, Comparable, Sendable {
    package var seconds: Int64
    package var nanoseconds: UInt32

    package init(seconds: Int64, nanoseconds: UInt32 = 0) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    package static func < (left: Time, right: Time) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }
}

/// client_owner4.
package struct ClientOwner: Hashable, Sendable {
    package var verifier: Verifier
    package var id: [UInt8]

    package init(verifier: Verifier, id: [UInt8]) {
        self.verifier = verifier
        self.id = id
    }

    /// An owner no other test has.
    package static func unique() -> ClientOwner {
        ClientOwner(verifier: Verifier(.random(in: 1 ... .max)), id: Array("conformance \(UInt64.random(in: 0 ... .max))".utf8))
    }

    /// The same owner after a restart of its machine.
    package func restarted() -> ClientOwner { ClientOwner(verifier: Verifier(.random(in: 1 ... .max)), id: id) }
}

/// state_owner4 without its client ID, which the server takes from the session.
package struct StateOwner: Hashable, Sendable, ExpressibleByStringLiteral {
    package var clientID: UInt64
    package var id: [UInt8]

    package init(clientID: UInt64 = 0, id: [UInt8]) {
        self.clientID = clientID
        self.id = id
    }

    package init(stringLiteral value: String) { self.init(id: Array(value.utf8)) }
}

/// nfs_ftype4.
package enum FileType: UInt32, Sendable {
    case regular = 1
    case directory, block, character, symlink, socket, fifo, attributeDirectory, namedAttribute
}

/// OPEN4_SHARE_ACCESS_* and OPEN4_SHARE_DENY_*; WANT flags can be or'ed in.
package struct Share: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let none: Share = []
    package static let read = Share(rawValue: 1)
    package static let write = Share(rawValue: 2)
    package static let both: Share = [.read, .write]
    package static let wantNoDelegation = Share(rawValue: 0x0400)
}

/// nfs_lock_type4.
package enum LockType: UInt32, Sendable {
    case read = 1
    case write, blockingRead, blockingWrite
}

/// stable_how4.
package enum StableHow: UInt32, Comparable, Sendable {
    case unstable = 0
    case dataSync, fileSync

    package static func < (left: StableHow, right: StableHow) -> Bool { left.rawValue < right.rawValue }
}

/// ACCESS4_* bits.
package struct AccessBits: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let read = AccessBits(rawValue: 0x01)
    package static let lookup = AccessBits(rawValue: 0x02)
    package static let modify = AccessBits(rawValue: 0x04)
    package static let extend = AccessBits(rawValue: 0x08)
    package static let delete = AccessBits(rawValue: 0x10)
    package static let execute = AccessBits(rawValue: 0x20)
    package static let all: AccessBits = [.read, .lookup, .modify, .extend, .delete, .execute]
}

/// channel_attrs4.
package struct ChannelAttributes: Hashable, Sendable {
    package var headerPadSize: UInt32 = 0
    package var maxRequestSize: UInt32 = 1 << 20 | 4096
    package var maxResponseSize: UInt32 = 1 << 20 | 4096
    package var maxResponseSizeCached: UInt32 = 8192
    package var maxOperations: UInt32 = 64
    package var maxRequests: UInt32 = 16
    package var rdmaIRD: [UInt32] = []

    package init() {}
}

extension XDREncoder {
    mutating func stateID(_ value: StateID) {
        uint32(value.seqid)
        fixed(value.other)
    }

    mutating func owner(_ value: StateOwner) {
        uint64(value.clientID)
        opaque(value.id)
    }

    mutating func time(_ value: Time) {
        uint64(UInt64(bitPattern: value.seconds))
        uint32(value.nanoseconds)
    }

    mutating func channel(_ value: ChannelAttributes) {
        for word in [
            value.headerPadSize, value.maxRequestSize, value.maxResponseSize, value.maxResponseSizeCached, value.maxOperations,
            value.maxRequests,
        ] { uint32(word) }
        array(value.rdmaIRD) { $0.uint32($1) }
    }
}

extension XDRDecoder {
    mutating func stateID() throws -> StateID { StateID(seqid: try uint32(), other: try fixed(12)) }

    mutating func verifier() throws -> Verifier { Verifier(try fixed(8)) }

    mutating func changeInfo() throws -> ChangeInfo { ChangeInfo(atomic: try bool(), before: try uint64(), after: try uint64()) }

    mutating func time() throws -> Time {
        let time = Time(seconds: Int64(bitPattern: try uint64()), nanoseconds: try uint32())
        guard time.nanoseconds < 1_000_000_000 else { throw ProtocolViolation("\(time.nanoseconds) nanoseconds in an nfstime4") }
        return time
    }

    mutating func channel() throws -> ChannelAttributes {
        var value = ChannelAttributes()
        value.headerPadSize = try uint32()
        value.maxRequestSize = try uint32()
        value.maxResponseSize = try uint32()
        value.maxResponseSizeCached = try uint32()
        value.maxOperations = try uint32()
        value.maxRequests = try uint32()
        value.rdmaIRD = try array { try $0.uint32() }
        return value
    }

    mutating func enumeration<Value: RawRepresentable<UInt32>>(_ type: Value.Type) throws -> Value {
        let code = try uint32()
        guard let value = Value(rawValue: code) else { throw ProtocolViolation("\(code) is not a \(type)") }
        return value
    }
}
