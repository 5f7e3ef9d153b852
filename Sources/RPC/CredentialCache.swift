import Glibc
import XDR

/// The AUTH_SYS credentials a connection used last, so that a call with one of them is decoded without an allocation.
package struct CredentialCache: Sendable {
    /// A client machine has a few busy users at a time; comparing with more than a few would cost more than decoding.
    static let capacity = 4

    private struct Entry {
        let body: [UInt8]
        let credential: AuthSys
    }

    private var entries: [Entry] = []
    private var oldest = 0

    package init() {}

    /// The credential whose encoded form is `body`.
    mutating func authSys(_ body: RawSpan) throws(XDRError) -> AuthSys {
        for entry in entries where Self.areEqual(entry.body.span.bytes, body) { return entry.credential }
        let credential = try AuthSys(decoding: body)
        let entry = Entry(body: body.withUnsafeBytes { Array($0) }, credential: credential)
        if entries.count < Self.capacity {
            entries.append(entry)
        } else {
            entries[oldest] = entry
            oldest = (oldest + 1) % Self.capacity
        }
        return credential
    }

    private static func areEqual(_ one: RawSpan, _ other: RawSpan) -> Bool {
        guard one.byteCount == other.byteCount else { return false }
        return one.withUnsafeBytes { one in
            other.withUnsafeBytes { other in one.isEmpty || memcmp(one.baseAddress!, other.baseAddress!, one.count) == 0 }
        }
    }
}
