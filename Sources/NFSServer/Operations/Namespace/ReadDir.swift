import FileSystem
import NFSProtocol
import XDR

/// READDIR: list entries of the current directory with attributes (RFC 8881 §18.23).
struct ReadDir: Operation {
    static var code: OperationCode { .readdir }
    static var reservedReply: Int { 8 + 16 }
    private let cookie: UInt64
    private let cookieVerifier: Verifier
    private let maximumCount: Int
    private let wanted: AttributeSet

    /// Cookies stay valid as long as the directory exists, so their verifier never changes.
    private static var cookieVerifierOfAll: Verifier { Verifier(rawValue: 0) }

    init(from request: inout XDRReader) throws(XDRError) {
        cookie = try request.uint64()
        cookieVerifier = try Verifier(from: &request)
        _ = try request.uint32()  // dircount: a hint about names alone; maxcount bounds the reply
        maximumCount = Int(try request.uint32())
        wanted = try AttributeSet(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let directory = try compound.directory()
        guard cookie != 1, cookie != 2 else { throw .badCookie }
        guard cookie == 0 || cookieVerifier == Self.cookieVerifierOfAll else { throw .notSame }
        guard wanted.intersection(AttributeSource.writeOnly).isEmpty else { throw .inval }

        // A thousand entries take milliseconds, and may have to be read: not on an event loop.
        guard compound.mayBlock else { throw .wouldBlock }

        let start = reply.count
        let ownLimit = reply.limit
        defer { reply.limit = ownLimit }
        // maxcount holds for READDIR4resok, of which the end of the list and the eof flag come last (8 bytes).
        let end = min(start + maximumCount, ownLimit)
        guard end - start >= 16 else { throw .toosmall }
        reply.limit = end - 8
        Self.cookieVerifierOfAll.encode(to: &reply)

        var count = 0
        let caller = compound.caller(on: directory)
        // Entries are written while the directory is read; the closure owns the writer for that time.
        let atEnd = try entries(of: directory, caller, compound, &reply, &count)
        guard atEnd || count > 0 else { throw end < ownLimit ? .toosmall : compound.replyTooBig }
        reply.limit = end
        reply.bool(false)
        reply.bool(atEnd)
    }

    private func entries(
        of directory: CurrentFile, _ caller: Caller, _ compound: Compound, _ reply: inout XDRWriter, _ count: inout Int
    ) throws(NFSStatus) -> Bool {
        try directory.node.entries(after: cookie, caller) { entry throws(NFSStatus) in
            let position = reply.count
            reply.bool(true)
            reply.uint64(entry.cookie)
            entry.name.withBytes { reply.opaque($0) }
            try encodeAttributes(of: entry, in: directory, caller, compound, to: &reply)
            guard !reply.overflowed else {
                reply.truncate(to: position)
                return false
            }
            count += 1
            return true
        }
    }

    /// An entry that went away in the meantime, or whose attributes cannot be had, does not spoil the rest: it is listed
    /// with rdattr_error if the client asked for that, else the operation fails (§18.23.3).
    private func encodeAttributes(
        of entry: borrowing DirectoryEntry, in directory: CurrentFile, _ caller: Caller, _ compound: Compound, to reply: inout XDRWriter
    ) throws(NFSStatus) {
        let status: NFSStatus
        do throws(NFSStatus) {
            let node = try directory.node.lookup(entry.name, caller)
            let file = compound.server.nameSpace.crossing(CurrentFile(node: node, export: directory.export))
            let source = try AttributeSource(file, wanted: wanted, limits: compound.server.limits, caller: caller)
            return source.encode(wanted, to: &reply)
        } catch {
            status = error
        }
        guard status != .wouldBlock, wanted.contains(.readdirAttributeError) || status == .noent else { throw status }
        AttributeSource.encodeError(status, wanted, to: &reply)
    }
}
