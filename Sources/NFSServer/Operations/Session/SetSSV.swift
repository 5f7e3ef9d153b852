import NFSProtocol
import XDR

/// SET_SSV: change the secret of a client that protects its state by one (RFC 8881 §18.47).
struct SetSSV: Operation {
    static var code: OperationCode { .setSSV }

    init(from request: inout XDRReader) throws(XDRError) {
        _ = try request.opaque(maximum: request.remaining)  // ssa_ssv
        _ = try request.opaque(maximum: request.remaining)  // ssa_digest
    }

    /// No client has such a secret, since EXCHANGE_ID does not agree on one (§18.47.3).
    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) { throw .inval }
}
