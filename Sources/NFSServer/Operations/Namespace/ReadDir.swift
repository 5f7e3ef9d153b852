import FileSystem
import NFSProtocol
import XDR

/// READDIR: list entries of the current directory with attributes (RFC 8881 §18.23).
struct ReadDir: Operation {
    static var code: OperationCode { .readdir }
    static var reservedReply: Int { 8 + 16 }
    static var isBrief: Bool { true }
    private let cookie: UInt64
    private let cookieVerifier: Verifier
    /// Bytes of names and cookies the client would have at most; 0 for as many as maxcount allows.
    private let directoryCount: Int
    private let maximumCount: Int
    private let wanted: AttributeSet

    /// Cookies stay valid as long as the directory exists, so their verifier never changes.
    private static var cookieVerifierOfAll: Verifier { Verifier(rawValue: 0) }

    /// What an entry tells by itself.
    private static var ofEntry: AttributeSet { AttributeSet(.readdirAttributeError, .mountedOnFileID) }

    init(from request: inout XDRReader) throws(XDRError) {
        cookie = try request.uint64()
        cookieVerifier = try Verifier(from: &request)
        directoryCount = Int(try request.uint32())
        maximumCount = Int(try request.uint32())
        wanted = try AttributeSet(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        let directory = try compound.directory(symbolicLink: .notdir)
        guard cookie != 1, cookie != 2 else { throw .badCookie }
        guard cookie == 0 || cookieVerifier == Self.cookieVerifierOfAll else { throw .notSame }
        guard wanted.intersection(AttributeSupport.writeOnly).isEmpty else { throw .inval }

        let start = reply.count
        let ownLimit = reply.limit
        defer { reply.limit = ownLimit }
        // maxcount holds for READDIR4resok, of which the end of the list and the eof flag come last (8 bytes).
        let end = min(start + maximumCount, ownLimit)
        guard end - start >= 16 else { throw .toosmall }
        // A thousand entries take a millisecond, and may have to be read: not on an event loop.
        guard compound.mayBlock else {
            // What is in the pseudo file system depends on where the client is.
            guard !directory.export.isPseudo else { throw .wouldBlock }
            try compound.wait(for: .listing(question(directory, compound, room: end - start)))
        }
        let shared = compound.sharedListing.take()
        if let (buffer, range) = shared?.body { return reply.encoded(buffer.bytes(range)) }
        reply.limit = end - 8
        Self.cookieVerifierOfAll.encode(to: &reply)

        var listed = Listed()
        // Entries are written while the directory is read; the closure owns the writer for that time.
        let atEnd = try entries(of: directory, compound, &reply, &listed)
        guard atEnd || listed.count > 0 else { throw end < ownLimit ? .toosmall : compound.replyTooBig }
        reply.limit = end
        reply.bool(false)
        reply.bool(atEnd)
        shared?.body = reply.written(from: start)
    }

    private func question(_ directory: CurrentFile, _ compound: Compound, room: Int) -> ListingQueue.Question {
        ListingQueue.Question(
            directory: directory.wireHandle, credentials: compound.caller(on: directory).credentials, cookie: cookie,
            directoryCount: directoryCount, room: room, wanted: wanted)
    }

    /// How much was listed.
    private struct Listed {
        var count = 0
        /// Bytes of names and cookies, as dircount counts them.
        var bytes = 0
        /// How the attributes of the last entry were encoded.
        var plan: AttributePlan?
    }

    private func entries(
        of directory: CurrentFile, _ compound: Compound, _ reply: inout XDRWriter, _ listed: inout Listed
    ) throws(NFSStatus) -> Bool {
        let caller = compound.caller(on: directory)
        return try directory.node.entries(after: cookie, caller) { entry, glimpse throws(NFSStatus) in
            let bytes = 8 + 4 + (entry.name.count + 3) & ~3
            guard listed.count == 0 || directoryCount == 0 || listed.bytes + bytes <= directoryCount else { return false }
            let position = reply.count
            reply.bool(true)
            reply.uint64(entry.cookie)
            entry.name.withBytes { reply.opaque($0) }
            guard try encodeAttributes(of: entry, glimpse, in: directory, compound, caller, &listed.plan, to: &reply) else {
                reply.truncate(to: position)
                return true
            }
            guard !reply.overflowed else {
                reply.truncate(to: position)
                return false
            }
            listed.count += 1
            listed.bytes += bytes
            return true
        }
    }

    /// - Returns: false for an entry that is gone by now.
    /// - Throws: what keeps the attributes from being had, unless the client asked to be told with the entry (§18.23.3).
    private func encodeAttributes(
        of entry: borrowing DirectoryEntry, _ glimpse: Glimpse, in directory: CurrentFile, _ compound: Compound, _ caller: Caller,
        _ plan: inout AttributePlan?, to reply: inout XDRWriter
    ) throws(NFSStatus) -> Bool {
        guard !wanted.subtracting(Self.ofEntry).isEmpty else {
            encodeOwnAttributes(of: entry, .ok, to: &reply)
            return true
        }
        do throws(NFSStatus) {
            let (node, attributes) = try glimpse()
            let entered = CurrentFile(node: node, export: directory.export)
            // Exports are entered from the pseudo file system alone.
            guard directory.export.isPseudo else {
                let source = try AttributeSource(entered, attributes, wanted: wanted, server: compound.server, caller: caller)
                if plan?.fits(source) != true { plan = AttributePlan(wanted, for: source) }
                source.encode(plan!, to: &reply)
                return true
            }
            let file = compound.exports.nameSpace.crossing(entered)
            try compound.admit(to: file.export)
            try compound.requireFlavor(of: file.export)
            let caller = compound.caller(on: file)
            try AttributeSource(file, wanted: wanted, server: compound.server, caller: caller).encode(wanted, to: &reply)
        } catch {
            switch error {
            case .wouldBlock: throw error
            case .noent: return false
            case _ where wanted.contains(.readdirAttributeError): encodeOwnAttributes(of: entry, error, to: &reply)
            // READDIR itself has no WRONGSEC (§2.6.3.1.1.7).
            default: throw error == .wrongsec ? .access : error
            }
        }
        return true
    }

    /// Writes the fattr4 of what is known without a look at the file.
    private func encodeOwnAttributes(of entry: borrowing DirectoryEntry, _ status: NFSStatus, to reply: inout XDRWriter) {
        wanted.intersection(Self.ofEntry).encode(to: &reply)
        let asksForError = wanted.contains(.readdirAttributeError)
        let asksForFileID = wanted.contains(.mountedOnFileID)
        reply.uint32((asksForError ? 4 : 0) + (asksForFileID ? 8 : 0))
        if asksForError { reply.uint32(status.rawValue) }
        if asksForFileID { reply.uint64(entry.fileID) }
    }
}
