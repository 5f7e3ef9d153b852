/// settime4.
package enum SetTime: Hashable, Sendable {
    case server
    case client(Time)
}

/// nfsace4.
package struct ACE: Hashable, Sendable {
    package var type: UInt32
    package var flag: UInt32
    package var mask: UInt32
    package var who: String

    package static func allow(_ who: String, _ mask: UInt32, flag: UInt32 = 0) -> ACE { ACE(type: 0, flag: flag, mask: mask, who: who) }
    package static func deny(_ who: String, _ mask: UInt32, flag: UInt32 = 0) -> ACE { ACE(type: 1, flag: flag, mask: mask, who: who) }

    package init(type: UInt32, flag: UInt32, mask: UInt32, who: String) {
        self.type = type
        self.flag = flag
        self.mask = mask
        self.who = who
    }

    // acemask4
    package static let readData: UInt32 = 0x1
    package static let writeData: UInt32 = 0x2
    package static let appendData: UInt32 = 0x4
    package static let write: UInt32 = writeData | appendData
    package static let execute: UInt32 = 0x20
    package static let readAttributes: UInt32 = 0x80
    package static let writeACL: UInt32 = 0x40000

    // aceflag4
    package static let fileInherit: UInt32 = 0x1
    package static let directoryInherit: UInt32 = 0x2
    package static let noPropagateInherit: UInt32 = 0x4
    package static let inheritOnly: UInt32 = 0x8
    package static let successfulAccess: UInt32 = 0x10
    package static let identifierGroup: UInt32 = 0x40
    package static let inherited: UInt32 = 0x80
}

/// The value of one attribute, by its encoding.
package enum AttributeValue: Hashable, Sendable {
    case attributeSet(AttributeSet)
    case uint32(UInt32)
    case uint64(UInt64)
    case bool(Bool)
    case uint32Pair(UInt32, UInt32)
    case uint64Pair(UInt64, UInt64)
    case uint32Array([UInt32])
    case time(Time)
    case setTime(SetTime)
    case bytes([UInt8])
    case string(String)
    case acl([ACE])
    /// Bytes that are already encoded, for values which break the rules.
    case raw([UInt8])
}

/// fattr4: values by attribute, encoded in the order of the attribute numbers.
package struct FileAttributes: Hashable, Sendable {
    package var values: [Attribute: AttributeValue] = [:]
    /// Sent instead of the encoded values when set, for lists which break the rules.
    package var rawList: [UInt8]?
    /// Sent instead of the set of `values` when set.
    package var rawSet: AttributeSet?

    package init(_ values: [Attribute: AttributeValue] = [:]) { self.values = values }

    package var set: AttributeSet { AttributeSet(values.keys.sorted { $0.rawValue < $1.rawValue }) }

    package static let none = FileAttributes()
    package static func size(_ size: UInt64) -> FileAttributes { FileAttributes([.size: .uint64(size)]) }
    package static func mode(_ mode: UInt32) -> FileAttributes { FileAttributes([.mode: .uint32(mode)]) }
    package static func acl(_ entries: [ACE]) -> FileAttributes { FileAttributes([.acl: .acl(entries)]) }

    package func keeping(_ attributes: Attribute...) -> FileAttributes {
        FileAttributes(values.filter { attributes.contains($0.key) })
    }

    package var type: FileType? { uint32(.type).flatMap(FileType.init) }
    package var change: UInt64? { uint64(.change) }
    package var size: UInt64? { uint64(.size) }
    package var fileID: UInt64? { uint64(.fileID) }
    package var mode: UInt32? { uint32(.mode) }
    package var numLinks: UInt32? { uint32(.numLinks) }
    package var owner: String? { string(.owner) }
    package var ownerGroup: String? { string(.ownerGroup) }
    package var fileHandle: FileHandle? {
        if case .bytes(let bytes)? = values[.fileHandle] { FileHandle(bytes) } else { nil }
    }
    package var acl: [ACE]? {
        if case .acl(let entries)? = values[.acl] { entries } else { nil }
    }
    package var supported: AttributeSet? { attributeSet(.supportedAttrs) }

    package func uint32(_ attribute: Attribute) -> UInt32? {
        if case .uint32(let value)? = values[attribute] { value } else { nil }
    }

    package func uint64(_ attribute: Attribute) -> UInt64? {
        if case .uint64(let value)? = values[attribute] { value } else { nil }
    }

    package func bool(_ attribute: Attribute) -> Bool? {
        if case .bool(let value)? = values[attribute] { value } else { nil }
    }

    package func time(_ attribute: Attribute) -> Time? {
        if case .time(let value)? = values[attribute] { value } else { nil }
    }

    package func string(_ attribute: Attribute) -> String? {
        if case .string(let value)? = values[attribute] { value } else { nil }
    }

    package func attributeSet(_ attribute: Attribute) -> AttributeSet? {
        if case .attributeSet(let value)? = values[attribute] { value } else { nil }
    }
}

extension XDREncoder {
    mutating func attributes(_ attributes: FileAttributes) {
        attributeSet(attributes.rawSet ?? attributes.set)
        var list = XDREncoder()
        for (_, value) in attributes.values.sorted(by: { $0.key.rawValue < $1.key.rawValue }) { list.attributeValue(value) }
        opaque(attributes.rawList ?? list.bytes)
    }

    private mutating func attributeValue(_ value: AttributeValue) {
        switch value {
        case .attributeSet(let set): attributeSet(set)
        case .uint32(let value): uint32(value)
        case .uint64(let value): uint64(value)
        case .bool(let value): bool(value)
        case .uint32Pair(let first, let second):
            uint32(first)
            uint32(second)
        case .uint64Pair(let first, let second):
            uint64(first)
            uint64(second)
        case .uint32Array(let values): array(values) { $0.uint32($1) }
        case .time(let value): time(value)
        case .setTime(.server): uint32(0)
        case .setTime(.client(let value)):
            uint32(1)
            time(value)
        case .bytes(let bytes): opaque(bytes)
        case .string(let text): string(text)
        case .acl(let aces):
            array(aces) { encoder, ace in
                encoder.uint32(ace.type)
                encoder.uint32(ace.flag)
                encoder.uint32(ace.mask)
                encoder.string(ace.who)
            }
        case .raw(let bytes): raw(bytes)
        }
    }
}

extension XDRDecoder {
    mutating func attributes() throws -> FileAttributes {
        let set = try attributeSet()
        var list = XDRDecoder(try opaque())
        var attributes = FileAttributes()
        for bit in set.bits {
            guard let attribute = Attribute(rawValue: bit) else { throw ProtocolViolation("attribute \(bit) was not asked for") }
            attributes.values[attribute] = try list.attributeValue(attribute)
        }
        try list.end()
        return attributes
    }

    private mutating func attributeValue(_ attribute: Attribute) throws -> AttributeValue {
        switch attribute.kind {
        case .attributeSet: .attributeSet(try attributeSet())
        case .uint32: .uint32(try uint32())
        case .uint64: .uint64(try uint64())
        case .bool: .bool(try bool())
        case .uint32Pair: .uint32Pair(try uint32(), try uint32())
        case .uint64Pair: .uint64Pair(try uint64(), try uint64())
        case .uint32Array: .uint32Array(try array { try $0.uint32() })
        case .time: .time(try time())
        case .bytes: .bytes(try opaque())
        case .string: .string(try string())
        case .acl: .acl(try aces())
        case .acl41: try acl41()
        case .locations: try locations()
        case .setTime: throw ProtocolViolation("\(attribute) can only be set, but a value was returned")
        case .unknown: throw ProtocolViolation("\(attribute) was not asked for")
        }
    }

    private mutating func aces() throws -> [ACE] {
        try array { ACE(type: try $0.uint32(), flag: try $0.uint32(), mask: try $0.uint32(), who: try $0.string()) }
    }

    private mutating func acl41() throws -> AttributeValue {
        _ = try uint32()
        return .acl(try aces())
    }

    /// fs_locations4; no test looks inside, but it has to be stepped over exactly.
    private mutating func locations() throws -> AttributeValue {
        let start = offset
        _ = try array { try $0.string() }
        _ = try array { location in
            _ = try location.array { try $0.string() }
            _ = try location.array { try $0.string() }
        }
        return .raw(Array(bytes[start..<offset]))
    }
}
