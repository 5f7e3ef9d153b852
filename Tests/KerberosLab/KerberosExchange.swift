import NFSTestClient

/// The way of messages through a context: what a test sends plainly goes protected, and replies come back without it.
package struct KerberosExchange: RPCExchange {
    package let plain: any RPCExchange
    package let context: ClientContext
    package let service: Service

    package init(_ plain: any RPCExchange, _ context: ClientContext, _ service: Service) {
        self.plain = plain
        self.context = context
        self.service = service
    }

    package func exchange(_ call: [UInt8]) async throws -> [UInt8] {
        let sequence = context.nextSequence()
        let call = try context.protect(RPCCall(decoding: call), service, sequence: sequence)
        let body = try context.open(CheckedReply(try await plain.exchange(call.bytes)), service, sequence: sequence)
        return Self.reply(to: call.xid, body)
    }

    package func close() async { await plain.close() }

    /// The reply as it would be without protection.
    private static func reply(to xid: UInt32, _ body: NFSTestClient.RPCReply.Body) -> [UInt8] {
        var encoder = XDREncoder()
        var words: [UInt32]
        switch body {
        case .success: words = [0, 0, 0, 0]
        case .progUnavail: words = [0, 0, 0, 1]
        case .progMismatch(let low, let high): words = [0, 0, 0, 2, low, high]
        case .procUnavail: words = [0, 0, 0, 3]
        case .garbageArgs: words = [0, 0, 0, 4]
        case .systemErr: words = [0, 0, 0, 5]
        case .rpcMismatch(let low, let high): words = [1, 0, low, high]
        case .authError(let status): words = [1, 1, status]
        }
        words = [xid, 1] + words
        for word in words { encoder.uint32(word) }
        if case .success(let results) = body { encoder.raw(results) }
        return encoder.bytes
    }
}

extension RPCCall {
    /// Reads a call that a test has made.
    init(decoding bytes: [UInt8]) throws {
        var decoder = XDRDecoder(bytes)
        self.init(xid: try decoder.uint32(), procedure: 0)
        messageType = try decoder.uint32()
        rpcVersion = try decoder.uint32()
        program = try decoder.uint32()
        version = try decoder.uint32()
        procedure = try decoder.uint32()
        credential = Credential(flavor: try decoder.uint32(), body: try decoder.opaque())
        verifier = Credential(flavor: try decoder.uint32(), body: try decoder.opaque())
        arguments = try decoder.fixed(decoder.remaining)
    }
}
