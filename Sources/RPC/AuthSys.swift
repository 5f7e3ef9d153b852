import XDR

/// authsys_parms: who a client says its caller is (RFC 5531 appendix A).
///
/// A class, so that all calls with the same credential share one object and cost no allocation.
package final class AuthSys: Sendable {
    /// Longest machine name in bytes.
    package static let maximumMachineName = 255
    /// Most supplementary groups.
    package static let maximumGroups = 16

    package let machineName: [UInt8]
    package let uid: UInt32
    package let gid: UInt32
    package let groups: [UInt32]

    /// Decodes the body of an AUTH_SYS credential, which must end with the last group.
    convenience init(decoding body: RawSpan) throws(XDRError) {
        var reader = XDRReader(body)
        try self.init(from: &reader)
        guard reader.remaining == 0 else { throw .invalid }
    }

    /// Decodes authsys_parms from among other values.
    package init(from reader: inout XDRReader) throws(XDRError) {
        // The stamp is an arbitrary number of the client's.
        _ = try reader.uint32()
        let name = try reader.opaque(maximum: Self.maximumMachineName)
        machineName = name.withUnsafeBytes { Array($0) }
        uid = try reader.uint32()
        gid = try reader.uint32()
        var groups: [UInt32] = []
        for _ in 0..<(try reader.count(maximum: Self.maximumGroups)) { groups.append(try reader.uint32()) }
        self.groups = groups
    }
}
