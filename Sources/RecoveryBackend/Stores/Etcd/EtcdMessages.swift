import Foundation

/// The messages of etcd's `rpc.proto` that are used here, as its JSON gateway has them: bytes in base64, 64-bit numbers as
/// text, and what is zero left out.
enum Etcd {
    /// A key or the end of a range of keys.
    struct Key: Hashable, Codable, Sendable {
        let text: String

        init(_ text: String) { self.text = text }

        init(from decoder: any Decoder) throws {
            text = String(decoding: try decoder.singleValueContainer().decode(Data.self), as: UTF8.self)
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(Data(text.utf8))
        }
    }

    struct Number: Codable, Sendable, Equatable, ExpressibleByIntegerLiteral {
        let value: Int64

        init(_ value: Int64) { self.value = value }
        init(integerLiteral value: Int64) { self.value = value }

        init(from decoder: any Decoder) throws {
            let text = try decoder.singleValueContainer().decode(String.self)
            guard let value = Int64(text) else {
                throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no number"))
            }
            self.value = value
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(String(value))
        }
    }

    /// One key, or those from `key` up to `range_end`; of all these the first `limit`.
    struct Range: Codable, Sendable {
        var key: Key
        var range_end: Key?
        var limit: Number?
        var revision: Number?
        var count_only: Bool?
    }

    struct Put: Codable, Sendable {
        var key: Key
        var value: Data
    }

    struct DeleteRange: Codable, Sendable {
        var key: Key
        var range_end: Key?
    }

    struct Compare: Codable, Sendable {
        enum Target: String, Codable, Sendable {
            case version = "VERSION"
            case modification = "MOD"
            case value = "VALUE"
        }

        var key: Key
        var target: Target
        var result = "EQUAL"
        var version: Number?
        var mod_revision: Number?
        var value: Data?

        static func isMissing(_ key: Key) -> Compare { Compare(key: key, target: .version, version: 0) }
        static func has(_ key: Key, _ value: Data) -> Compare { Compare(key: key, target: .value, value: value) }
        /// Unchanged since it was read, or still missing when nothing was.
        static func isUnchanged(_ key: Key, since read: KeyValue?) -> Compare {
            read.map { Compare(key: key, target: .modification, mod_revision: $0.mod_revision) } ?? isMissing(key)
        }
    }

    struct Operation: Codable, Sendable {
        var request_range: Range?
        var request_put: Put?
        var request_delete_range: DeleteRange?

        static func range(_ range: Range) -> Operation { Operation(request_range: range) }
        static func put(_ key: Key, _ value: Data) -> Operation { Operation(request_put: Put(key: key, value: value)) }
        static func delete(_ key: Key, to end: Key? = nil) -> Operation {
            Operation(request_delete_range: DeleteRange(key: key, range_end: end))
        }
    }

    struct Transaction: Codable, Sendable {
        var compare: [Compare] = []
        var success: [Operation]
        var failure: [Operation] = []
    }

    struct Header: Codable, Sendable {
        var revision: Number
    }

    struct KeyValue: Codable, Sendable {
        var key: Key
        var mod_revision: Number
        var value: Data?
    }

    struct RangeAnswer: Codable, Sendable {
        var header: Header?
        var kvs: [KeyValue]?
        var more: Bool?
        var count: Number?
    }

    struct DeleteAnswer: Codable, Sendable {
        var deleted: Number?
    }

    struct OperationAnswer: Codable, Sendable {
        var response_range: RangeAnswer?
        var response_delete_range: DeleteAnswer?
    }

    struct TransactionAnswer: Codable, Sendable {
        var succeeded: Bool?
        var responses: [OperationAnswer]?
    }

    struct Authentication: Codable, Sendable {
        var name: String
        var password: String
    }

    struct AuthenticationAnswer: Codable, Sendable {
        var token: String
    }

    struct Failure: Codable, Sendable {
        /// A code of gRPC.
        var code: Int?
        var message: String?
        var error: String?
    }
}
