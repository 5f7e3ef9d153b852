import NFSTestClient

/// Says what each slot of a connection asks next.
///
/// Requests are copies of templates with a few words changed, so that the load costs the machine little beside the server.
final class Script {
    private let workload: Workload
    private let session: SessionID
    private let slots: Int
    /// Of this connection among those of the run.
    private let number: Int
    private var templates = Templates()
    /// The handles of `Files.many`, one behind the other.
    private let handles: [UInt8]
    private let handleLength: Int
    private let blockSize: Int
    /// Where the next READ and WRITE of this connection begin.
    private var readOffset: Int
    private var writeOffset = 0
    private let writtenSize: Int

    /// Those that the workload needs are there.
    private struct Templates {
        var sequence: Template?
        var getattr: Template?
        var lookup: Template?
        var read: Template?
        var write: Template?
        var commit: Template?
        var open: Template?
        /// Its handle and stateid come of the reply to OPEN.
        var close: Template?
        var closeHandleLength = 0
        var remove: Template?
        /// With a new lock-owner, and with its stateid.
        var firstLock: Template?
        var lock: Template?
        var unlock: Template?
        var readdir: Template?
    }

    /// For the workload that needs no session.
    init() {
        workload = .null
        session = SessionID([])
        (slots, number, handleLength, blockSize, readOffset, writtenSize) = (0, 0, 0, 0, 0, 0)
        handles = []
    }

    /// - Parameters:
    ///   - number: of this connection, of `count`.
    ///   - read: the file to be read, open.
    ///   - written: the file that this connection writes to or locks, open.
    init(
        _ workload: Workload, _ client: TestSession, slots: Int, number: Int, of count: Int, files: Files, read: OpenedFile?,
        written: OpenedFile?
    ) {
        self.workload = workload
        session = client.id
        self.slots = slots
        self.number = number
        handles = files.handles.flatMap(\.bytes)
        handleLength = files.handles.first?.bytes.count ?? 0
        blockSize = workload.blockSize
        writtenSize = Files.writtenSize(connections: count)
        // Connections that read the same file begin at different places.
        readOffset = blockSize == 0 ? 0 : Files.dataSize / count * number / blockSize * blockSize
        func template(isCached: Bool = false, _ operations: Operation...) -> Template {
            Template(client.id, slots: slots, isCached: isCached, operations)
        }
        let owner = StateOwner(clientID: client.clientID, id: Array("slot0000".utf8))
        templates.sequence = template()
        if let handle = files.handles.first {
            let name = "f0000000"
            templates.getattr = template(.putFH(handle), .getAttr(Files.attributes))
            templates.lookup = template(.putFH(files.many), .lookup(name), .getFH, .getAttr(Files.attributes))
            templates.readdir = template(
                .putFH(files.many), .readDir(dirCount: 16384, maxCount: 32768, Files.entryAttributes))
            let open = Operation.open(.null(name), access: [.read, .wantNoDelegation], owner: owner)
            templates.open = template(
                isCached: true, .putFH(files.many), open, .getFH, .access(.all), .getAttr(Files.attributes))
        }
        if workload == .createremove {
            let name = "0000000000000000"
            let open = Operation.open(.null(name), .unchecked(.mode(0o666)), access: [.both, .wantNoDelegation], owner: owner)
            templates.open = template(
                isCached: true, .putFH(files.created), open, .getFH, .access(.all), .getAttr(Files.attributes))
            templates.remove = template(isCached: true, .putFH(files.created), .remove(name))
        }
        if let read {
            templates.read = template(.putFH(read.handle), .read(read.stateID, count: UInt32(blockSize)))
        }
        if let written {
            let stable = workload == .writesync4k ? StableHow.fileSync : .unstable
            templates.write = template(.putFH(written.handle), .write(written.stateID, [], stable))
            templates.commit = template(.putFH(written.handle), .commit())
            let any = StateID(seqid: 0, other: Array(repeating: 0, count: 12))
            templates.firstLock = template(
                isCached: true, .putFH(written.handle), .lock(.write, length: 4096, .open(written.stateID, owner)))
            templates.lock = template(isCached: true, .putFH(written.handle), .lock(.write, length: 4096, .lock(any)))
            templates.unlock = template(isCached: true, .putFH(written.handle), .lockU(any, length: 4096))
        }
    }

    /// Lays out the first request of an operation.
    func begin(_ slot: UnsafeMutablePointer<Slot>) throws(LoadFailure) {
        switch workload {
        case .null: Template.null.fill(slot, step: .null)
        case .sequence: templates.sequence!.fill(slot, step: .sequence)
        case .getattr: getattr(slot)
        case .accessLookup: lookup(slot)
        case .read4k, .read64k, .read1m:
            read(slot, at: readOffset)
            readOffset = readOffset + blockSize == Files.dataSize ? 0 : readOffset + blockSize
        case .write4k, .write64k, .write1m, .writesync4k: writeNext(slot)
        case .createremove, .openclose: open(slot)
        case .lockunlock: lock(slot)
        case .readdir:
            slot.pointee.cookie = 0
            slot.pointee.cookieVerifier = 0
            slot.pointee.entries = 0
            readdir(slot)
        case .mixed:
            switch (slot.pointee.nextRandom() >> 33) % 100 {
            case 0..<35: getattr(slot)
            case 35..<70: lookup(slot)
            case 70..<90: read(slot, at: Int(slot.pointee.nextRandom() >> 33) % (Files.dataSize / blockSize) * blockSize)
            default: writeNext(slot)
            }
        }
    }

    /// COMMIT of what this connection has written.
    func commit(_ slot: UnsafeMutablePointer<Slot>) { templates.commit!.fill(slot, step: .commit) }

    /// Looks at a reply, whose reader is behind the result of SEQUENCE; false when the slot has another request laid out.
    func isDone(_ slot: UnsafeMutablePointer<Slot>, _ reply: inout ReplyReader) throws(LoadFailure) -> Bool {
        switch slot.pointee.step {
        case .null, .sequence, .getattr, .lookup, .remove, .commit: return true
        case .read:
            try reply.skip(20)
            guard Int(try reply.uint32()) == blockSize else { throw .reply("READ returned less than asked for, within the file") }
            return true
        case .write:
            try reply.skip(16)
            guard Int(try reply.uint32()) == blockSize else { throw .reply("WRITE took less than it was given") }
            return true
        case .open:
            try close(slot, &reply)
            return false
        case .close:
            guard workload == .createremove else { return true }
            remove(slot)
            return false
        case .lock:
            try keepLockState(slot, &reply)
            unlock(slot)
            return false
        case .unlock:
            try keepLockState(slot, &reply)
            return true
        case .readdir:
            if try entries(slot, &reply) { return true }
            readdir(slot)
            return false
        }
    }
}

// Requests.
extension Script {
    private func nextFile(_ slot: UnsafeMutablePointer<Slot>) -> Int {
        let file = slot.pointee.file
        slot.pointee.file = file + 1 == Files.count ? 0 : file + 1
        return file
    }

    private func getattr(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.getattr!
        template.fill(slot, step: .getattr)
        let file = nextFile(slot)
        handles.withUnsafeBytes {
            (slot.pointee.request + template.place(0, byte: 4)).copyMemory(
                from: $0.baseAddress! + file * handleLength, byteCount: handleLength)
        }
    }

    private func lookup(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.lookup!
        template.fill(slot, step: .lookup)
        slot.pointee.put(hexadecimal: UInt32(nextFile(slot)), digits: 7, at: template.place(1, byte: 5))
    }

    private func read(_ slot: UnsafeMutablePointer<Slot>, at offset: Int) {
        let template = templates.read!
        template.fill(slot, step: .read)
        slot.pointee.put(UInt64(offset), at: template.place(1, byte: 16))
    }

    private func writeNext(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.write!
        template.fill(slot, step: .write)
        slot.pointee.put(UInt64(writeOffset), at: template.place(1, byte: 16))
        slot.pointee.put(UInt32(blockSize), at: template.place(1, byte: 28))
        slot.pointee.payload = Payload.bytes(at: writeOffset)
        slot.pointee.payloadCount = blockSize
        writeOffset = writeOffset + blockSize == writtenSize ? 0 : writeOffset + blockSize
    }

    /// The name of the file that the slot creates.
    private func putCreatedName(_ slot: UnsafeMutablePointer<Slot>, at place: Int) {
        slot.pointee.put(hexadecimal: UInt32(number), digits: 4, at: place)
        slot.pointee.put(hexadecimal: slot.pointee.number, digits: 4, at: place + 4)
        slot.pointee.put(hexadecimal: slot.pointee.counter, digits: 8, at: place + 8)
    }

    private func open(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.open!
        template.fill(slot, step: .open)
        // Each slot is an open-owner, so that opens of a file by several slots stay apart.
        slot.pointee.put(hexadecimal: slot.pointee.number, digits: 4, at: template.place(1, byte: 28))
        if workload == .createremove {
            slot.pointee.counter &+= 1
            putCreatedName(slot, at: template.place(1, byte: 68))
        } else {
            slot.pointee.put(hexadecimal: UInt32(nextFile(slot)), digits: 7, at: template.place(1, byte: 45))
        }
    }

    /// CLOSE of what the reply to OPEN tells.
    private func close(_ slot: UnsafeMutablePointer<Slot>, _ reply: inout ReplyReader) throws(LoadFailure) {
        try reply.skip(16)
        let stateID = (try reply.uint64(), try reply.uint64())
        try reply.skip(24)
        try reply.skipWords()
        switch try reply.uint32() {
        case 0: break
        // open_none_delegation4: two of its reasons carry a word.
        case 3: if 1...2 ~= (try reply.uint32()) { try reply.skip(4) }
        default: throw .reply("OPEN gave a delegation that was refused beforehand")
        }
        try reply.skip(8)
        let handle = try reply.opaque()
        if templates.close == nil || templates.closeHandleLength != handle.count {
            templates.closeHandleLength = handle.count
            let any = StateID(seqid: 0, other: Array(repeating: 0, count: 12))
            templates.close = Template(session, slots: slots, isCached: true, [.putFH(FileHandle(Array(handle))), .close(any)])
        }
        let template = templates.close!
        template.fill(slot, step: .close)
        (slot.pointee.request + template.place(0, byte: 4)).copyMemory(from: handle.baseAddress!, byteCount: handle.count)
        slot.pointee.put(stateID.0, at: template.place(1, byte: 4))
        slot.pointee.put(stateID.1, at: template.place(1, byte: 12))
    }

    private func remove(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.remove!
        template.fill(slot, step: .remove)
        putCreatedName(slot, at: template.place(1, byte: 4))
    }

    private func lock(_ slot: UnsafeMutablePointer<Slot>) {
        let template = slot.pointee.hasLock ? templates.lock! : templates.firstLock!
        template.fill(slot, step: .lock)
        slot.pointee.put(lockOffset(slot), at: template.place(1, byte: 8))
        if slot.pointee.hasLock {
            slot.pointee.put(slot.pointee.lockState.0, at: template.place(1, byte: 28))
            slot.pointee.put(slot.pointee.lockState.1, at: template.place(1, byte: 36))
        } else {
            slot.pointee.put(hexadecimal: slot.pointee.number, digits: 4, at: template.place(1, byte: 68))
        }
    }

    private func unlock(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.unlock!
        template.fill(slot, step: .unlock)
        slot.pointee.put(slot.pointee.lockState.0, at: template.place(1, byte: 8))
        slot.pointee.put(slot.pointee.lockState.1, at: template.place(1, byte: 16))
        slot.pointee.put(lockOffset(slot), at: template.place(1, byte: 24))
    }

    /// A range for each slot of each client.
    private func lockOffset(_ slot: UnsafeMutablePointer<Slot>) -> UInt64 {
        UInt64(number) << 24 | UInt64(slot.pointee.number) << 12
    }

    private func keepLockState(_ slot: UnsafeMutablePointer<Slot>, _ reply: inout ReplyReader) throws(LoadFailure) {
        try reply.skip(16)
        slot.pointee.lockState = (try reply.uint64(), try reply.uint64())
        slot.pointee.hasLock = true
    }

    private func readdir(_ slot: UnsafeMutablePointer<Slot>) {
        let template = templates.readdir!
        template.fill(slot, step: .readdir)
        slot.pointee.put(slot.pointee.cookie, at: template.place(1, byte: 0))
        slot.pointee.put(slot.pointee.cookieVerifier, at: template.place(1, byte: 8))
    }

    /// Counts the entries of a reply; true at the end of the directory.
    private func entries(_ slot: UnsafeMutablePointer<Slot>, _ reply: inout ReplyReader) throws(LoadFailure) -> Bool {
        try reply.skip(16)
        slot.pointee.cookieVerifier = try reply.uint64()
        while try reply.uint32() == 1 {
            slot.pointee.cookie = try reply.uint64()
            try reply.skipOpaque()
            try reply.skipWords()
            try reply.skipOpaque()
            slot.pointee.entries += 1
        }
        guard try reply.uint32() == 1 else { return false }
        guard slot.pointee.entries == Files.count else {
            throw .reply("READDIR told \(slot.pointee.entries) entries of \(Files.count)")
        }
        return true
    }
}
