import NFSProtocol
import XDR

/// GET_DIR_DELEGATION: ask for notice of changes in a directory (RFC 8881 §18.39). None is to be had at the moment, which is
/// an answer, not an error: Linux sends this in front of GETATTR and goes on.
struct GetDirDelegation: Operation {
    static var code: OperationCode { .getDirDelegation }

    /// GDD4_UNAVAIL.
    private static var unavailable: UInt32 { 1 }

    /// gdda_signal_deleg_avail.
    private let wantsSignal: Bool

    init(from request: inout XDRReader) throws(XDRError) {
        wantsSignal = try request.bool()
        _ = try AttributeSet(from: &request)  // gdda_notification_types
        _ = try Timestamp(from: &request)  // gdda_child_attr_delay
        _ = try Timestamp(from: &request)  // gdda_dir_attr_delay
        _ = try AttributeSet(from: &request)  // gdda_child_attributes
        _ = try AttributeSet(from: &request)  // gdda_dir_attributes
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        _ = try compound.directory()
        // The server does not call when there is one.
        guard !wantsSignal else { throw .dirdelegUnavail }
        reply.uint32(Self.unavailable)
        reply.bool(false)  // gddrnf_will_signal_deleg_avail
    }
}
