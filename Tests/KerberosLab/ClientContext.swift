internal import CGSSAPI
import NFSTestClient
import Synchronization

/// rpc_gss_service_t (RFC 2203 §5).
package enum Service: UInt32, Sendable, CaseIterable {
    case none = 1
    case integrity = 2
    case privacy = 3
}

/// rpc_gss_proc_t (RFC 2203 §5).
package enum ControlProcedure {
    package static let data: UInt32 = 0
    package static let initialize: UInt32 = 1
    package static let continueInitialize: UInt32 = 2
    package static let destroy: UInt32 = 3
}

/// A client's end of an RPCSEC_GSS context, written apart from that of the server (RFC 2203).
///
/// Every message it makes can be spoiled before it is sent.
package final class ClientContext: Sendable {
    package static let flavor: UInt32 = 6

    private struct State: Sendable {
        let initiator: Initiator
        var sequence: UInt32 = 0
        var pointer: gss_ctx_id_t? { initiator.pointer }
    }

    private let state: Mutex<State>
    package let handle: [UInt8]
    package let window: UInt32

    /// What GSS_Init_sec_context is to ask for beside mutual authentication.
    package static let dceStyle: UInt32 = 0x1000

    /// Makes a context as whoever the ticket in the file `cache` is of.
    package init(
        over exchange: any RPCExchange, ticket cache: String, service: String = "nfs/localhost@\(TestRealm.name)", flags: UInt32 = 0
    ) async throws {
        var handle: [UInt8] = []
        var window: UInt32 = 0
        let initiator = try Initiator(ticket: cache, service: service, flags: flags)
        var (token, isDone) = try initiator.step([])
        var procedure = ControlProcedure.initialize
        while !token.isEmpty {
            var arguments = XDREncoder()
            arguments.opaque(token)
            let call = RPCCall(
                xid: Connection.newXID(), procedure: 0, credential: Self.credential(procedure, 0, .none, handle), arguments: arguments.bytes
            )
            let reply = try CheckedReply(try await exchange.exchange(call.bytes))
            let result = try ContextReply(reply)
            guard result.major == 0 || result.major == 1 else { throw ContextRefused(reply: result) }
            guard handle.isEmpty || handle == result.handle else { throw LabError("the handle changes") }
            (handle, window) = (result.handle, result.window)
            token = []
            if !isDone { (token, isDone) = try initiator.step(result.token) }
            if result.major == 0 {
                guard isDone, reply.flavor == Self.flavor, initiator.verifies(reply.verifier, of: Self.word(window)) else {
                    throw LabError("the verifier of the context is wrong")
                }
            }
            procedure = ControlProcedure.continueInitialize
        }
        self.handle = handle
        self.window = window
        state = Mutex(State(initiator: initiator))
    }

    /// The token a client begins with.
    package static func firstToken(
        ticket cache: String, service: String = "nfs/localhost@\(TestRealm.name)", flags: UInt32 = 0
    ) throws -> [UInt8] {
        try Initiator(ticket: cache, service: service, flags: flags).step([]).token
    }

    package static func credential(
        _ procedure: UInt32, _ sequence: UInt32, _ service: Service, _ handle: [UInt8], version: UInt32 = 1
    ) -> Credential {
        var body = XDREncoder()
        for word in [version, procedure, sequence, service.rawValue] { body.uint32(word) }
        body.opaque(handle)
        return Credential(flavor: flavor, body: body.bytes)
    }

    package static func word(_ value: UInt32) -> [UInt8] {
        var encoder = XDREncoder()
        encoder.uint32(value)
        return encoder.bytes
    }

    package func nextSequence() -> UInt32 {
        state.withLock { state in
            state.sequence += 1
            return state.sequence
        }
    }

    // MARK: Messages

    /// A plain call with the credential, the verifier and the protection of this context.
    /// - Parameter bodySequence: the number inside the protected arguments, when it is to differ.
    package func protect(
        _ plain: RPCCall, _ service: Service, sequence: UInt32, procedure: UInt32 = ControlProcedure.data, bodySequence: UInt32? = nil
    ) throws -> RPCCall {
        var call = plain
        call.credential = Self.credential(procedure, sequence, service, handle)
        call.arguments = try protect(plain.arguments, service, sequence: bodySequence ?? sequence)
        call.verifier = Credential(flavor: Self.flavor, body: try checksum(of: call.header))
        return call
    }

    package func protect(_ arguments: [UInt8], _ service: Service, sequence: UInt32) throws -> [UInt8] {
        var body = XDREncoder()
        body.uint32(sequence)
        body.raw(arguments)
        var result = XDREncoder()
        switch service {
        case .none: return arguments
        case .integrity:
            result.opaque(body.bytes)
            result.opaque(try checksum(of: body.bytes))
        case .privacy: result.opaque(try wrap(body.bytes, confidentially: true))
        }
        return result.bytes
    }

    /// The results in a reply that must have the right verifier and protection.
    package func open(_ reply: CheckedReply, _ service: Service, sequence: UInt32) throws -> NFSTestClient.RPCReply.Body {
        if case .authError = reply.body { return reply.body }
        guard reply.flavor == Self.flavor, verifies(reply.verifier, of: Self.word(sequence)) else {
            throw LabError("the verifier is not the checksum of the sequence number: \(reply)")
        }
        guard case .success(let results) = reply.body else { return reply.body }
        return .success(try open(results, service, sequence: sequence))
    }

    /// Results or arguments without their protection, which must be right.
    package func open(_ bytes: [UInt8], _ service: Service, sequence: UInt32) throws -> [UInt8] {
        guard service != .none else { return bytes }
        var decoder = XDRDecoder(bytes)
        var body = try decoder.opaque()
        if service == .integrity {
            guard verifies(try decoder.opaque(), of: body) else { throw LabError("the checksum of what is protected is wrong") }
        } else {
            body = try unwrap(body)
        }
        try decoder.end()
        var inner = XDRDecoder(body)
        guard try inner.uint32() == sequence else { throw LabError("another sequence number is protected") }
        return try inner.fixed(inner.remaining)
    }

    // MARK: GSSAPI

    package func checksum(of bytes: [UInt8]) throws -> [UInt8] {
        try state.withLock { state in
            try Self.call("GSS_GetMIC", bytes) { minor, message, output in gss_get_mic(minor, state.pointer, 0, message, output) }
        }
    }

    package func verifies(_ checksum: [UInt8], of bytes: [UInt8]) -> Bool {
        state.withLock { $0.initiator.verifies(checksum, of: bytes) }
    }

    package func wrap(_ bytes: [UInt8], confidentially: Bool) throws -> [UInt8] {
        try state.withLock { state in
            try Self.call("GSS_Wrap", bytes) { minor, message, output in
                gss_wrap(minor, state.pointer, confidentially ? 1 : 0, 0, message, nil, output)
            }
        }
    }

    private func unwrap(_ bytes: [UInt8]) throws -> [UInt8] {
        var isConfidential: Int32 = 0
        let plain = try state.withLock { state in
            try Self.call("GSS_Unwrap", bytes) { minor, message, output in
                gss_unwrap(minor, state.pointer, message, output, &isConfidential, nil)
            }
        }
        guard isConfidential != 0 else { throw LabError("what is protected is not encrypted") }
        return plain
    }

    private static func call(
        _ name: String, _ bytes: [UInt8], _ function: (UnsafeMutablePointer<OM_uint32>, gss_buffer_t, gss_buffer_t) -> OM_uint32
    ) throws -> [UInt8] {
        var (minor, output, bytes) = (OM_uint32(0), gss_buffer_desc(), bytes)
        let major = bytes.withUnsafeMutableBytes { bytes in
            var message = gss_buffer_desc(length: bytes.count, value: bytes.baseAddress)
            return function(&minor, &message, &output)
        }
        guard major == 0 else { throw LabError("\(name) failed: \(String(major, radix: 16)), \(minor)") }
        defer { gss_release_buffer(&minor, &output) }
        return Array(UnsafeRawBufferPointer(start: output.value, count: output.length))
    }
}

/// rpc_gss_init_res (RFC 2203 §5.2.3.1).
package struct ContextReply: Sendable {
    package let handle: [UInt8]
    package let major: UInt32
    package let minor: UInt32
    package let window: UInt32
    package let token: [UInt8]

    package init(_ reply: CheckedReply) throws {
        guard case .success(let results) = reply.body else { throw LabError("the context was answered \(reply.body)") }
        var decoder = XDRDecoder(results)
        handle = try decoder.opaque()
        (major, minor, window) = (try decoder.uint32(), try decoder.uint32(), try decoder.uint32())
        token = try decoder.opaque()
        try decoder.end()
    }
}

/// A context the server did not make.
package struct ContextRefused: Error {
    package let reply: ContextReply
}

/// A reply and its verifier.
package struct CheckedReply: Sendable {
    package let flavor: UInt32
    package let verifier: [UInt8]
    package let body: NFSTestClient.RPCReply.Body

    package init(_ bytes: [UInt8]) throws {
        body = try NFSTestClient.RPCReply(bytes).body
        var decoder = XDRDecoder(bytes)
        _ = try decoder.fixed(8)
        guard try decoder.uint32() == 0 else {
            (flavor, verifier) = (0, [])
            return
        }
        flavor = try decoder.uint32()
        verifier = try decoder.opaque()
    }
}

extension RPCCall {
    /// What the verifier is a checksum of: all up to the credential.
    package var header: [UInt8] {
        var encoder = XDREncoder()
        for word in [xid, messageType, rpcVersion, program, version, procedure] { encoder.uint32(word) }
        encoder.uint32(credential.flavor)
        encoder.opaque(credential.body)
        return encoder.bytes
    }
}
