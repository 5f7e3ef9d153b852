import NFSProtocol
import NFSState
import RPC
import XDR

/// What a client can be told.
enum CallbackOperation: Sendable {
    /// CB_NOTIFY_LOCK: a lock that was denied may be had now (RFC 8881 §20.11).
    case notifyLock(client: ClientID, file: FileHandle, owner: [UInt8])

    /// nfs_cb_opnum4.
    private var code: UInt32 {
        switch self {
        case .notifyLock: 13
        }
    }

    func encode(to message: inout XDRWriter) {
        message.uint32(code)
        switch self {
        case .notifyLock(let client, let file, let owner):
            file.withBytes { message.opaque($0) }
            message.uint64(client.rawValue)
            message.opaque(owner)
        }
    }
}

/// CB_COMPOUND: CB_SEQUENCE and one operation (RFC 8881 §19.2, §20.9).
struct CallbackCompound: Sendable {
    /// Operations of it.
    static let operations: UInt32 = 2
    /// Bytes of its results at least: the RPC header, the CB_COMPOUND header, CB_SEQUENCE and a status.
    static let smallestReply = 84
    private static let minorVersion: UInt32 = 1
    private static let sequenceCode: UInt32 = 11

    let session: SessionID
    let slot: UInt32
    let sequence: UInt32
    let highestSlot: UInt32
    let operation: CallbackOperation

    /// Writes CB_COMPOUND4args.
    func encode(to message: inout XDRWriter) {
        message.opaque([])  // tag
        message.uint32(Self.minorVersion)
        message.uint32(0)  // callback_ident, of NFSv4.0
        message.uint32(Self.operations)
        message.uint32(Self.sequenceCode)
        session.encode(to: &message)
        message.uint32(sequence)
        message.uint32(slot)
        message.uint32(highestSlot)
        message.bool(false)  // csa_cachethis: an operation done twice does no harm
        message.uint32(0)  // csa_referring_call_lists
        operation.encode(to: &message)
    }

    /// What the client answers.
    enum Answer {
        /// CB_SEQUENCE succeeded.
        case done(NFSStatus, highestSlot: UInt32, target: UInt32)
        /// CB_SEQUENCE failed: nothing was done, and the slot has not changed (§20.9.3).
        case refused(NFSStatus)
        /// Not what an NFS client says.
        case senseless
    }

    /// - Parameter results: CB_COMPOUND4res.
    func answer(in results: Record) -> Answer {
        var reader = XDRReader(results.bytes)
        do throws(XDRError) { return try answer(from: &reader) } catch { return .senseless }
    }

    private func answer(from reader: inout XDRReader) throws(XDRError) -> Answer {
        let whole = try reader.uint32()
        _ = try reader.opaque(maximum: reader.remaining)  // tag
        let count = try reader.uint32()
        guard count > 0 else { return .refused(Self.status(whole)) }
        guard try reader.uint32() == Self.sequenceCode else { return .senseless }
        let status = Self.status(try reader.uint32())
        guard status == .ok else { return .refused(status) }
        let session = try SessionID(from: &reader)
        let sequence = try reader.uint32()
        let slot = try reader.uint32()
        let highest = try reader.uint32()
        let target = try reader.uint32()
        guard session == self.session, sequence == self.sequence, slot == self.slot, count > 1 else { return .senseless }
        _ = try reader.uint32()  // operation
        return .done(Self.status(try reader.uint32()), highestSlot: highest, target: target)
    }

    private static func status(_ code: UInt32) -> NFSStatus { NFSStatus(rawValue: code) ?? .serverfault }
}
