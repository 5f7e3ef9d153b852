import FileSystem
import NFSProtocol
import XDR

/// The acl attribute as it is sent: entries and the strings of those they name (RFC 8881 §6.2.1).
struct EncodedACL {
    private let entries: [(entry: AccessControlEntry, who: OwnerText)]

    /// - Throws: `wouldBlock` when names have to be asked for.
    init(_ acl: [AccessControlEntry], _ owners: OwnerNames, _ caller: Caller) throws(NFSStatus) {
        var entries: [(AccessControlEntry, OwnerText)] = []
        entries.reserveCapacity(acl.count)
        for entry in acl {
            switch entry.who {
            case .owner: entries.append((entry, .name("OWNER@")))
            case .owningGroup: entries.append((entry, .name("GROUP@")))
            case .everyone: entries.append((entry, .name("EVERYONE@")))
            case .user(let id): entries.append((entry, try owners.text(of: id, .user, mayBlock: caller.mayBlock)))
            case .group(let id): entries.append((entry, try owners.text(of: id, .group, mayBlock: caller.mayBlock)))
            }
        }
        self.entries = entries
    }

    func encode(to reply: inout XDRWriter) {
        reply.uint32(UInt32(entries.count))
        for (entry, who) in entries {
            reply.uint32(entry.effect.rawValue)
            let isGroup = if case .group = entry.who { true } else { false }
            reply.uint32(entry.flags.rawValue | (isGroup ? ReceivedACL.identifierGroup : 0))
            reply.uint32(entry.rights.rawValue)
            who.encode(to: &reply)
        }
    }
}

/// The acl attribute as a client sends it.
enum ReceivedACL {
    static let identifierGroup: UInt32 = 0x40
    private static let successfulOrFailedAccess: UInt32 = 0x30
    private static let inherited: UInt32 = 0x80
    private static let definedFlags: UInt32 = 0xff
    /// The most entries read. No file system keeps more.
    private static let maximumCount = 2048
    /// Special identifiers of the protocol that Linux has nothing like (§6.2.1.5).
    private static let strangers = ["INTERACTIVE@", "NETWORK@", "DIALUP@", "BATCH@", "ANONYMOUS@", "AUTHENTICATED@", "SERVICE@"]

    /// Reads nfsace4<>.
    /// - Throws: `badxdr`; `inval` for what the protocol does not define; `attrnotsupp` for entries that cannot be kept; `badowner`
    ///   for users and groups that are not known; `wouldBlock`.
    static func entries(from reader: inout XDRReader, _ owners: OwnerNames, mayBlock: Bool) throws(NFSStatus) -> [AccessControlEntry] {
        let count: Int
        do throws(XDRError) { count = try reader.count(maximum: reader.remaining / 16) } catch { throw .badxdr }
        guard count <= maximumCount else { throw .inval }
        var entries: [AccessControlEntry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count { entries.append(try entry(from: &reader, owners, mayBlock: mayBlock)) }
        return entries
    }

    private static func entry(from reader: inout XDRReader, _ owners: OwnerNames, mayBlock: Bool) throws(NFSStatus) -> AccessControlEntry {
        let (type, flags, mask): (UInt32, UInt32, UInt32)
        let who: RawSpan
        do throws(XDRError) {
            (type, flags, mask) = (try reader.uint32(), try reader.uint32(), try reader.uint32())
            who = try reader.opaque(maximum: reader.remaining)
        } catch { throw .badxdr }
        // Types are those of aclsupport; AUDIT and ALARM would have to be kept (§6.2.1.2).
        guard type <= 3, flags & ~definedFlags == 0, mask & ~AccessControlEntry.Rights.all.rawValue == 0 else { throw .inval }
        guard let effect = AccessControlEntry.Effect(rawValue: type) else { throw .attrnotsupp }
        // Of use to AUDIT and ALARM alone (§6.2.1.4.1).
        guard flags & successfulOrFailedAccess == 0 else { throw .inval }
        return AccessControlEntry(
            effect, try self.who(who, isGroup: flags & identifierGroup != 0, owners, mayBlock: mayBlock),
            AccessControlEntry.Rights(rawValue: mask),
            // "Inherited" is to be cleared in this attribute (§6.2.1.4.1).
            flags: AccessControlEntry.Flags(rawValue: flags & ~identifierGroup & ~inherited))
    }

    private static func who(
        _ text: RawSpan, isGroup: Bool, _ owners: OwnerNames, mayBlock: Bool
    ) throws(NFSStatus) -> AccessControlEntry.Who {
        if text.byteCount > 1, text.byteCount <= 16,
            text.unsafeLoad(fromByteOffset: text.byteCount - 1, as: UInt8.self) == UInt8(ascii: "@")
        {
            switch text.withUnsafeBytes({ String(decoding: $0, as: UTF8.self) }) {
            case "OWNER@": return .owner
            case "GROUP@": return .owningGroup
            case "EVERYONE@": return .everyone
            case let name where strangers.contains(name): throw .attrnotsupp
            default: throw .badowner
            }
        }
        let id = try owners.id(of: text, isGroup ? .group : .user, mayBlock: mayBlock)
        return isGroup ? .group(id) : .user(id)
    }
}
