import NFSProtocol
import XDR

/// One operation of a COMPOUND: its arguments, its meaning and its result (RFC 8881 §18).
///
/// `init` is syntax: it reads the arguments and what it cannot read becomes NFS4ERR_BADXDR. `execute` is meaning: it acts
/// on the compound and writes the result's body. When `execute` throws, what it wrote is taken back and the status it threw
/// is the result. An operation that throws `wouldBlock` is decoded and executed again, so it must not have changed anything yet,
/// or find in the compound that it has.
protocol Operation: ~Escapable {
    static var code: OperationCode { get }

    /// Where in a compound the operation may stand.
    static var place: OperationPlace { get }

    /// Bytes of result, status included, that must fit into the reply before the operation may begin. An operation that
    /// changes something names the largest result it can have, so that it is never done and then unanswerable.
    static var reservedReply: Int { get }

    /// Whether it most likely need not wait where it might have to: what it needs is in memory, or there is room for it.
    static var isBrief: Bool { get }

    @_lifetime(copy request)
    init(from request: inout XDRReader) throws(XDRError)

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus)

    /// Writes the body that goes with a failing status; most operations have none.
    static func encodeFailure(_ status: NFSStatus, in compound: Compound, reply: inout XDRWriter)
}

extension Operation where Self: ~Escapable {
    static var place: OperationPlace { .inSession }
    static var reservedReply: Int { 8 }
    static var isBrief: Bool { false }
    static func encodeFailure(_ status: NFSStatus, in compound: Compound, reply: inout XDRWriter) {}
}

/// Where in a compound an operation may stand (RFC 8881 §2.10.5.1.1, §15.1.3.5, §18.46.3).
enum OperationPlace {
    /// SEQUENCE: first, and nowhere else.
    case first
    /// Behind a SEQUENCE.
    case inSession
    /// Behind a SEQUENCE, or as the only operation of a compound.
    case inSessionOrAlone
    /// Only as the only operation of a compound (BIND_CONN_TO_SESSION).
    case alone
}
