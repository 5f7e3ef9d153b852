import NFSProtocol
import XDR

/// VERIFY: go on only if attributes of the current file are as given (RFC 8881 §18.31).
struct Verify: Operation, ~Escapable {
    static var code: OperationCode { .verify }
    private let given: AttributeComparison

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        given = try AttributeComparison(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        guard try given.matches(in: compound, scratch: &reply) else { throw .notSame }
    }
}
