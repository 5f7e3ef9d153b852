import NFSProtocol
import XDR

/// An optional operation that this server does not offer: NFS4ERR_NOTSUPP once its arguments have been read (RFC 8881 §17, §15.1.1.5).
struct NotOffered<Arguments: UnusedArguments>: Operation {
    static var code: OperationCode { Arguments.code }

    init(from request: inout XDRReader) throws(XDRError) { try Arguments.skip(&request) }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) { throw .notsupp }
}

/// The arguments of an operation that is not offered.
protocol UnusedArguments {
    static var code: OperationCode { get }
    static func skip(_ request: inout XDRReader) throws(XDRError)
}

/// §18.5.
enum DelegPurgeArguments: UnusedArguments {
    static var code: OperationCode { .delegpurge }

    static func skip(_ request: inout XDRReader) throws(XDRError) { _ = try request.uint64() }
}

/// §18.6.
enum DelegReturnArguments: UnusedArguments {
    static var code: OperationCode { .delegreturn }

    static func skip(_ request: inout XDRReader) throws(XDRError) { _ = try StateID(from: &request) }
}

/// §18.40.
enum GetDeviceInfoArguments: UnusedArguments {
    static var code: OperationCode { .getdeviceinfo }

    static func skip(_ request: inout XDRReader) throws(XDRError) {
        _ = try request.fixedOpaque(16)  // gdia_device_id
        _ = try request.uint32()  // gdia_layout_type
        _ = try request.uint32()  // gdia_maxcount
        _ = try AttributeSet(from: &request)  // gdia_notify_types
    }
}

/// §18.41.
enum GetDeviceListArguments: UnusedArguments {
    static var code: OperationCode { .getdevicelist }

    static func skip(_ request: inout XDRReader) throws(XDRError) {
        _ = try request.uint32()  // gdla_layout_type
        _ = try request.uint32()  // gdla_maxdevices
        _ = try request.uint64()  // gdla_cookie
        _ = try Verifier(from: &request)  // gdla_cookieverf
    }
}

/// §18.42.
enum LayoutCommitArguments: UnusedArguments {
    static var code: OperationCode { .layoutcommit }

    static func skip(_ request: inout XDRReader) throws(XDRError) {
        _ = try request.uint64()  // loca_offset
        _ = try request.uint64()  // loca_length
        _ = try request.bool()  // loca_reclaim
        _ = try StateID(from: &request)
        if try request.bool() { _ = try request.uint64() }  // loca_last_write_offset
        if try request.bool() { _ = try Timestamp(from: &request) }  // loca_time_modify
        _ = try request.uint32()  // lou_type
        _ = try request.opaque(maximum: request.remaining)  // lou_body
    }
}

/// §18.43.
enum LayoutGetArguments: UnusedArguments {
    static var code: OperationCode { .layoutget }

    static func skip(_ request: inout XDRReader) throws(XDRError) {
        _ = try request.bool()  // loga_signal_layout_avail
        _ = try request.uint32()  // loga_layout_type
        try skipIOMode(&request)
        for _ in 0..<3 { _ = try request.uint64() }  // loga_offset, loga_length, loga_minlength
        _ = try StateID(from: &request)
        _ = try request.uint32()  // loga_maxcount
    }

    /// layoutiomode4.
    static func skipIOMode(_ request: inout XDRReader) throws(XDRError) {
        guard (1...3).contains(try request.uint32()) else { throw .invalid }
    }
}

/// §18.44.
enum LayoutReturnArguments: UnusedArguments {
    static var code: OperationCode { .layoutreturn }

    static func skip(_ request: inout XDRReader) throws(XDRError) {
        _ = try request.bool()  // lora_reclaim
        _ = try request.uint32()  // lora_layout_type
        try LayoutGetArguments.skipIOMode(&request)
        switch try request.uint32() {
        case 1:  // LAYOUTRETURN4_FILE
            _ = try request.uint64()
            _ = try request.uint64()
            _ = try StateID(from: &request)
            _ = try request.opaque(maximum: request.remaining)  // lrf_body
        case 2, 3: break
        default: throw .invalid
        }
    }
}

/// §18.17.
enum OpenAttrArguments: UnusedArguments {
    static var code: OperationCode { .openattr }

    static func skip(_ request: inout XDRReader) throws(XDRError) { _ = try request.bool() }
}

/// §18.49.
enum WantDelegationArguments: UnusedArguments {
    static var code: OperationCode { .wantDelegation }

    static func skip(_ request: inout XDRReader) throws(XDRError) {
        _ = try request.uint32()  // wda_want
        switch try request.uint32() {
        case 1: guard try request.uint32() <= 3 else { throw .invalid }  // CLAIM_PREVIOUS: dc_delegate_type
        case 4, 6: break  // CLAIM_FH, CLAIM_DELEG_PREV_FH
        default: throw .invalid
        }
    }
}
