import Glibc

/// A connection under load: its slots, what is still to be sent and what was received and not yet looked at.
final class LoadConnection {
    let descriptor: Int32
    let script: Script
    let slots: UnsafeMutableBufferPointer<Slot>
    /// When the server was last heard of.
    var lastReceived: UInt64 = 0

    private var queue: UnsafeMutableBufferPointer<iovec>
    private var first = 0
    private var last = 0
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 4096)
    private var start = 0
    private var end = 0
    /// Bytes of a reply's data that are still to come and that nobody looks at, and what was in front of them.
    private var skipped = 0
    private var head: UnsafeMutableRawBufferPointer?
    /// Most bytes to receive at a time while no data is skipped. Small when replies are large, so that the kernel does not copy
    /// what is skipped.
    private let receiveSize: Int

    private static let leastSkipped = 32768
    /// A reply to READ has its words in front of its data within so many bytes.
    private static let headLength = 512

    init(_ socket: Socket, _ script: Script, slots count: Int, number: Int, blockSize: Int) {
        descriptor = socket.descriptor
        self.script = script
        slots = .allocate(capacity: count)
        for index in 0..<count {
            (slots.baseAddress! + index).initialize(
                to: Slot(
                    number: UInt32(index + 1), index: UInt32(index), file: (number * count + index) * 7919 % Files.count,
                    seed: UInt64(number * count + index + 1) &* 0x9e37_79b9_7f4a_7c15))
        }
        // A request and its payload; a slot that is delayed is queued again after it has left.
        queue = .allocate(capacity: 2 * count)
        receiveSize = blockSize >= Self.leastSkipped ? 2048 : 256 * 1024
    }

    deinit {
        for slot in slots { slot.request.deallocate() }
        slots.deallocate()
        queue.deallocate()
        input.deallocate()
        head?.deallocate()
    }

    var hasToSend: Bool { first < last }

    /// Puts the request that is laid out in a slot into the queue.
    func enqueue(_ slot: UnsafeMutablePointer<Slot>) {
        slot.pointee.serial &+= 1
        slot.pointee.xid = slot.pointee.serial << 12 | slot.pointee.index
        slot.pointee.put(UInt32(slot.pointee.length - 4 + slot.pointee.payloadCount) | 0x8000_0000, at: 0)
        slot.pointee.put(slot.pointee.xid, at: 4)
        let sequence = slot.pointee.sequencePlace
        if sequence > 0 {
            slot.pointee.put(slot.pointee.sequence &+ 1, at: sequence + 16)
            slot.pointee.put(slot.pointee.number, at: sequence + 20)
        }
        slot.pointee.isAwaited = true
        if last + 2 > queue.count { compact() }
        queue[last] = iovec(iov_base: slot.pointee.request, iov_len: slot.pointee.length)
        last += 1
        if slot.pointee.payloadCount > 0 {
            queue[last] = iovec(iov_base: UnsafeMutableRawPointer(mutating: slot.pointee.payload), iov_len: slot.pointee.payloadCount)
            last += 1
        }
    }

    private func compact() {
        for index in first..<last { queue[index - first] = queue[index] }
        last -= first
        first = 0
    }

    /// Sends what the socket takes.
    func flush() throws(LoadFailure) {
        while first < last {
            var message = msghdr()
            message.msg_iov = queue.baseAddress! + first
            message.msg_iovlen = min(last - first, 512)
            var count = sendmsg(descriptor, &message, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
            if count < 0 {
                if errno == EAGAIN { return }
                if errno == EINTR { continue }
                throw .connection("send", errno)
            }
            while count > 0 {
                let sent = min(count, queue[first].iov_len)
                count -= sent
                queue[first].iov_base += sent
                queue[first].iov_len -= sent
                if queue[first].iov_len == 0 { first += 1 }
            }
        }
        first = 0
        last = 0
    }

    typealias Answered = (UnsafeMutablePointer<Slot>, UInt64, inout ReplyReader) throws(LoadFailure) -> Void

    /// Receives what is there. `answered` is called with each slot whose request was answered, the time, and the reply behind the
    /// header of RPC.
    func receive(_ answered: Answered) throws(LoadFailure) {
        while true {
            let isSkipping = skipped > 0
            let wanted = isSkipping ? skipped : min(receiveSize, input.count - end)
            // TCP drops the bytes when they are to be truncated, without a buffer.
            let count =
                isSkipping
                ? recv(descriptor, nil, wanted, Int32(MSG_DONTWAIT | MSG_TRUNC))
                : recv(descriptor, input.baseAddress! + end, wanted, Int32(MSG_DONTWAIT))
            guard count > 0 else {
                if count < 0, errno == EAGAIN || errno == EINTR { return }
                throw .connection("receive", count == 0 ? ECONNRESET : errno)
            }
            let now = nanoseconds(CLOCK_MONOTONIC)
            lastReceived = now
            if isSkipping {
                skipped -= count
                if skipped == 0, let head { try take(UnsafeRawBufferPointer(head), now, answered) }
            } else {
                end += count
                try process(now, answered)
            }
            try flush()
            if count < wanted { return }
        }
    }

    private func process(_ now: UInt64, _ answered: Answered) throws(LoadFailure) {
        while isLastFragment() {
            let available = end - start - 4
            let total = Int(word(at: start) & 0x7fff_ffff)
            let message = input.baseAddress! + start + 4
            if available >= total {
                start += 4 + total
                try take(UnsafeRawBufferPointer(start: message, count: total), now, answered)
            } else if total - available >= Self.leastSkipped, available >= Self.headLength, try slot(message)?.pointee.step == .read {
                if head == nil { head = .allocate(byteCount: Self.headLength, alignment: 8) }
                head?.copyMemory(from: UnsafeRawBufferPointer(start: message, count: Self.headLength))
                skipped = total - available
                start = end
            } else {
                break
            }
        }
        if start == end {
            start = 0
            end = 0
        } else if input.count - end < 2 << 20 {
            memmove(input.baseAddress!, input.baseAddress! + start, end - start)
            end -= start
            start = 0
        }
    }

    private func word(at place: Int) -> UInt32 {
        UInt32(bigEndian: input.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }

    /// Joins the fragments of the first record as far as they are there; whether there is the mark of a last one.
    private func isLastFragment() -> Bool {
        while end - start >= 4 {
            let mark = word(at: start)
            guard mark >> 31 == 0 else { return true }
            let length = Int(mark)
            guard end - start >= 4 + length + 4 else { return false }
            let next = word(at: start + 4 + length)
            memmove(input.baseAddress! + start + 8, input.baseAddress! + start + 4, length)
            start += 4
            input.storeBytes(of: (next + UInt32(length)).bigEndian, toByteOffset: start, as: UInt32.self)
        }
        return false
    }

    /// The slot that waits for a message; nil when it is a call of the server's, to which this client does not listen.
    private func slot(_ message: UnsafeRawPointer) throws(LoadFailure) -> UnsafeMutablePointer<Slot>? {
        let xid = UInt32(bigEndian: message.loadUnaligned(as: UInt32.self))
        guard message.loadUnaligned(fromByteOffset: 4, as: UInt32.self) != 0 else { return nil }
        let index = Int(xid & 0xfff)
        guard index < slots.count, slots[index].isAwaited, slots[index].xid == xid else { throw .reply("nobody asked for it") }
        return slots.baseAddress! + index
    }

    private func take(_ message: UnsafeRawBufferPointer, _ now: UInt64, _ answered: Answered) throws(LoadFailure) {
        guard message.count >= 24 else { throw .reply("it ends too early") }
        guard let slot = try slot(message.baseAddress!) else { return }
        var reply = ReplyReader(message)
        try reply.skip(8)
        // reply_stat, a verifier, accept_stat
        guard try reply.uint32() == 0 else { throw .reply("the call was denied") }
        try reply.skip(4)
        try reply.skipOpaque()
        guard try reply.uint32() == 0 else { throw .reply("the call was not carried out") }
        slot.pointee.isAwaited = false
        try answered(slot, now, &reply)
    }
}
