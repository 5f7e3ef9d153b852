import NFSProtocol
import XDR

/// NVERIFY: go on only if attributes of the current file are not as given (RFC 8881 §18.15).
struct NVerify: Operation, ~Escapable {
    static var code: OperationCode { .nverify }
    private let given: AttributeComparison

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError) {
        given = try AttributeComparison(from: &request)
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        if try given.matches(in: compound, scratch: &reply) { throw .same }
    }
}
