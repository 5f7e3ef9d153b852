import Synchronization

/// A client's end of a connection: numbers calls and matches replies to them.
package struct Connection: Sendable {
    package let exchange: any RPCExchange
    package var credential: Credential

    private static let nextXID = Atomic<UInt32>(.random(in: 0 ... .max))

    package init(_ exchange: any RPCExchange, credential: Credential = .root) {
        self.exchange = exchange
        self.credential = credential
    }

    package static func newXID() -> UInt32 { nextXID.wrappingAdd(1, ordering: .relaxed).newValue }

    /// Makes one call, which `change` may spoil before it is sent.
    package func call(
        procedure: UInt32 = RPCCall.compoundProcedure, arguments: [UInt8] = [], change: (inout RPCCall) -> Void = { _ in }
    ) async throws -> RPCReply {
        var call = RPCCall(xid: Self.newXID(), procedure: procedure, credential: credential, arguments: arguments)
        change(&call)
        let reply = try RPCReply(try await exchange.exchange(call.bytes))
        guard reply.xid == call.xid else { throw ProtocolViolation("call \(call.xid) was answered with the xid \(reply.xid)") }
        return reply
    }

    /// Carries out operations without a session, exactly as they are.
    package func compound(
        _ operations: Operation..., minorVersion: UInt32 = 1, tag: String = "", credential: Credential? = nil
    ) async throws -> CompoundReply {
        try await compound(operations, minorVersion: minorVersion, tag: Array(tag.utf8), credential: credential)
    }

    package func compound(
        _ operations: [Operation], minorVersion: UInt32 = 1, tag: [UInt8] = [], credential: Credential? = nil
    ) async throws -> CompoundReply {
        let arguments = Self.compoundArguments(operations, minorVersion: minorVersion, tag: tag)
        let reply = try await call(arguments: arguments) { if let credential { $0.credential = credential } }
        return try CompoundReply(reply.results)
    }

    /// COMPOUND4args; `count` can claim another number of operations than there are.
    package static func compoundArguments(
        _ operations: [Operation], minorVersion: UInt32 = 1, tag: [UInt8] = [], count: UInt32? = nil
    ) -> [UInt8] {
        var encoder = XDREncoder()
        encoder.opaque(tag)
        encoder.uint32(minorVersion)
        encoder.uint32(count ?? UInt32(operations.count))
        for operation in operations {
            encoder.uint32(operation.code)
            encoder.raw(operation.arguments)
        }
        return encoder.bytes
    }

    package func close() async { await exchange.close() }
}
