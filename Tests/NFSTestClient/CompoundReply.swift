/// COMPOUND4res, checked for what RFC 8881 §16.2 demands of every reply.
package struct CompoundReply: Sendable, CustomStringConvertible {
    package let status: Status
    package let tag: [UInt8]
    package let results: [OperationResult]
    /// The whole COMPOUND4res, for comparing a replay with the first answer.
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) throws {
        self.bytes = bytes
        var decoder = XDRDecoder(bytes)
        status = try decoder.status()
        tag = try decoder.opaque()
        results = try decoder.array { try $0.operationResult() }
        try decoder.end()
        guard results.dropLast().allSatisfy({ $0.status == .ok }) else {
            throw ProtocolViolation("an operation follows one that failed: \(self)")
        }
        if let last = results.last, last.status != status {
            throw ProtocolViolation("the status \(status) is not that of the last operation: \(self)")
        }
        if let outcome { ReplyObserver.current?.note(outcome) }
    }

    package var description: String { "\(status) [\(results.map(\.outcome.description).joined(separator: ", "))]" }

    /// The last operation that was carried out and its status.
    package var outcome: Outcome? { results.last?.outcome }

    @discardableResult
    package func succeeded() throws -> CompoundReply {
        guard status == .ok else { throw UnexpectedReply(reply: self) }
        return self
    }

    private func first<Value>(_ select: (ResultBody) -> Value?) throws -> Value {
        for result in results {
            if let value = select(result.body) { return value }
        }
        throw UnexpectedReply(reply: self)
    }
}

/// A reply without the result a test asked it for.
package struct UnexpectedReply: Error, CustomStringConvertible {
    package let reply: CompoundReply

    package var description: String { "the answer does not hold what was expected: \(reply)" }
}

// The first result of a kind.
extension CompoundReply {
    package var access: (supported: AccessBits, granted: AccessBits) {
        get throws { try first { if case .access(let supported, let granted) = $0 { (supported, granted) } else { nil } } }
    }

    package var attributes: FileAttributes {
        get throws { try first { if case .attributes(let value) = $0 { value } else { nil } } }
    }

    package var attributesSet: AttributeSet {
        get throws { try first { if case .attributesSet(let value) = $0 { value } else { nil } } }
    }

    package var change: ChangeInfo {
        get throws {
            try first {
                switch $0 {
                case .changed(let change), .created(let change, _): change
                default: nil
                }
            }
        }
    }

    package var createdAttributes: AttributeSet {
        get throws { try first { if case .created(_, let value) = $0 { value } else { nil } } }
    }

    package var boundDirection: UInt32 {
        get throws { try first { if case .bindConnection(_, let value) = $0 { value } else { nil } } }
    }

    package var entries: Entries {
        get throws { try first { if case .entries(let value) = $0 { value } else { nil } } }
    }

    package var exchangeID: ExchangeIDResult {
        get throws { try first { if case .exchangeID(let value) = $0 { value } else { nil } } }
    }

    package var fileHandle: FileHandle {
        get throws { try first { if case .handle(let value) = $0 { value } else { nil } } }
    }

    package var link: [UInt8] {
        get throws { try first { if case .link(let value) = $0 { value } else { nil } } }
    }

    package var lockDenied: LockDenied {
        get throws { try first { if case .lockDenied(let value) = $0 { value } else { nil } } }
    }

    package var open: OpenResult {
        get throws { try first { if case .open(let value) = $0 { value } else { nil } } }
    }

    package var read: (eof: Bool, data: [UInt8]) {
        get throws { try first { if case .read(let eof, let data) = $0 { (eof, data) } else { nil } } }
    }

    package var renamed: (source: ChangeInfo, target: ChangeInfo) {
        get throws { try first { if case .renamed(let source, let target) = $0 { (source, target) } else { nil } } }
    }

    package var securityFlavors: [UInt32] {
        get throws { try first { if case .security(let value) = $0 { value } else { nil } } }
    }

    package var sequence: SequenceResult {
        get throws { try first { if case .sequence(let value) = $0 { value } else { nil } } }
    }

    package var session: CreateSessionResult {
        get throws { try first { if case .session(let value) = $0 { value } else { nil } } }
    }

    package var stateID: StateID {
        get throws { try first { if case .stateID(let value) = $0 { value } else { nil } } }
    }

    package var statuses: [Status] {
        get throws { try first { if case .statuses(let value) = $0 { value } else { nil } } }
    }

    package var commitVerifier: Verifier {
        get throws { try first { if case .verifier(let value) = $0 { value } else { nil } } }
    }

    package var wrote: WriteResult {
        get throws { try first { if case .wrote(let value) = $0 { value } else { nil } } }
    }
}
