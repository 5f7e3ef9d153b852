import XDR

/// One TCP connection as a service sees it.
package protocol RPCConnection: AnyObject, Sendable {
    var peer: PeerAddress { get }

    /// Sends one record whose bytes stand in `buffer` from `RecordMark.length` to `count`; the transport fills in the mark
    /// in front of them and gives the buffer back to its pool. Callable from every thread, never blocks. What is sent
    /// while the transport runs a batch of requests leaves in one write at its end.
    func send(_ buffer: consuming RecordBuffer, count: Int)

    /// Ends the connection after what was sent. Callable from every thread.
    func close()

    /// Does `work` after the batch of requests at hand, on the thread that calls `RPCService.receive`. Should it wait after all, the
    /// connection goes on on another thread.
    /// - Returns: false if it is not done: this is another thread, or such work has waited of late.
    func undertake(_ work: @escaping BriefWork) -> Bool

    /// What the service keeps with the connection. Touched only on the thread that calls `RPCService.receive`.
    var attachment: (any AnyObject & Sendable)? { get set }
}

/// Work that may have to wait for a device but seldom does. It returns what finishes it, the sending, nil when that is somebody else's.
package typealias BriefWork = () -> (() -> Void)?

/// The sender of a connection's requests.
package struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16 bytes in network order; an IPv4-mapped IPv6 address is given as 4.
    package var address: [UInt8]
    package var port: UInt16

    package init(address: [UInt8], port: UInt16) {
        self.address = address
        self.port = port
    }

    package var description: String {
        if address.count == 4 { return address.map(String.init).joined(separator: ".") + ":\(port)" }
        let groups = stride(from: 0, to: address.count - 1, by: 2).map {
            String(UInt16(address[$0]) << 8 | UInt16(address[$0 + 1]), radix: 16)
        }
        return "[" + groups.joined(separator: ":") + "]:\(port)"
    }
}

/// The four bytes in front of each fragment of a record (RFC 5531 §11).
package enum RecordMark {
    /// Bytes a mark takes.
    package static let length = 4
    /// Set in the mark of the last fragment.
    package static let lastFragment: UInt32 = 0x8000_0000
}

/// A complete record: a part of a buffer that the transport filled. Keeping it keeps the bytes.
package struct Record: Sendable {
    package let buffer: RecordBuffer
    package let range: Range<Int>

    package init(buffer: RecordBuffer, range: Range<Int>) {
        self.buffer = buffer
        self.range = range
    }

    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get { _overrideLifetime(buffer.bytes(range), borrowing: self) }
    }
}

/// What answers the records of connections.
package protocol RPCService: Sendable {
    /// Takes one complete record, on the connection's own thread, and must not block it. The reply, if any, goes to
    /// `connection.send`, now or later and from any thread. The transport does not reuse the record's buffer while the
    /// service holds the record.
    func receive(_ record: Record, on connection: any RPCConnection)

    /// The connection is gone; nothing sent to it arrives any more.
    func closed(_ connection: any RPCConnection)

    /// Does, on another thread, work that a connection has undertaken and that stands behind some that waits.
    func takeOver(_ work: @escaping BriefWork)
}
