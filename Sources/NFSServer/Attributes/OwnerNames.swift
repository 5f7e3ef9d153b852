import NFSProtocol
import XDR

/// Names of users and groups from outside of the protocol. Calls may wait for a directory service.
package protocol NameService: Sendable {
    /// The name of a user or group; nil when it has none.
    func name(of id: UInt32, _ kind: OwnerKind) -> String?

    /// - Returns: nil when nobody has the name.
    /// - Throws: `delay` when it cannot be told now.
    func id(named name: String, _ kind: OwnerKind) throws(NFSStatus) -> UInt32?
}

package enum OwnerKind: Hashable, Sendable {
    case user, group
}

/// The strings of owner, owner_group and access control lists (RFC 8881 §5.9): numbers in decimal, as Linux clients of AUTH_SYS
/// expect them, and with a domain `name@domain` as well.
package final class OwnerNames: Sendable {
    /// Set when there is a domain.
    private let names: Names?

    private struct Names {
        let domain: String
        /// Whether clients are told names where there are any.
        let areSent: Bool
        let service: any NameService
    }

    private enum Question: Hashable {
        case name(of: UInt32, OwnerKind)
        case id(named: String, OwnerKind)
    }

    private enum Answer {
        case name(String?)
        case id(UInt32?)
    }

    private let cache: AnswerCache<Question, Answer>

    /// The longest name asked for, in bytes: as long as a name of useradd and a domain can be together.
    private static let maximumLength = 512

    /// Numbers alone.
    package init() {
        names = nil
        cache = AnswerCache(clock: .monotonic)
    }

    package init(domain: String, areSent: Bool, service: any NameService, clock: ServerClock = .monotonic) {
        names = Names(domain: domain.lowercased(), areSent: areSent, service: service)
        cache = AnswerCache(clock: clock)
    }

    /// What to send for a user or group.
    /// - Throws: `wouldBlock`.
    func text(of id: UInt32, _ kind: OwnerKind, mayBlock: Bool) throws(NFSStatus) -> OwnerText {
        guard let names, names.areSent else { return .number(id) }
        let answer = try cache.answer(.name(of: id, kind), mayBlock: mayBlock) { () throws(NFSStatus) in
            .name(names.service.name(of: id, kind))
        }
        guard case .name(let name?) = answer else { return .number(id) }
        return .name("\(name)@\(names.domain)")
    }

    /// - Throws: `badowner` for what is no number of 32 bits and no name anybody has; `wouldBlock`; `delay`.
    func id(of text: RawSpan, _ kind: OwnerKind, mayBlock: Bool) throws(NFSStatus) -> UInt32 {
        guard (1...Self.maximumLength).contains(text.byteCount) else { throw .badowner }
        if let number = Self.number(text) { return number }
        guard let text = text.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }), let names, let at = text.lastIndex(of: "@"),
            text[text.index(after: at)...].lowercased() == names.domain
        else { throw .badowner }
        let name = String(text[..<at])
        guard !name.isEmpty, !name.utf8.contains(0) else { throw .badowner }
        let answer = try cache.answer(.id(named: name, kind), mayBlock: mayBlock) { () throws(NFSStatus) in
            .id(try names.service.id(named: name, kind))
        }
        guard case .id(let id?) = answer else { throw .badowner }
        return id
    }

    /// A decimal number without leading zeros (§5.9). The highest is nobody's: to the system it means to leave an owner as it is.
    private static func number(_ text: RawSpan) -> UInt32? {
        var number: UInt64 = 0
        guard text.byteCount <= 10 else { return nil }
        for index in 0..<text.byteCount {
            let byte = text.unsafeLoad(fromByteOffset: index, as: UInt8.self)
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), number > 0 || index == 0 else { return nil }
            number = number * 10 + UInt64(byte - UInt8(ascii: "0"))
        }
        return number < UInt32.max ? UInt32(number) : nil
    }
}

/// An owner or group as clients are told it.
enum OwnerText {
    case number(UInt32)
    case name(String)

    func encode(to reply: inout XDRWriter) {
        switch self {
        case .name(let name): reply.string(name)
        case .number(let id): Self.encode(id, to: &reply)
        }
    }

    /// In decimal, written in place.
    private static func encode(_ id: UInt32, to reply: inout XDRWriter) {
        _ = reply.opaque(maximum: 10) { buffer in
            var digits = 1
            var rest = id
            while rest >= 10 {
                rest /= 10
                digits += 1
            }
            rest = id
            for index in stride(from: digits - 1, through: 0, by: -1) {
                buffer[index] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            return digits
        }
    }
}
