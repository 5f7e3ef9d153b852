import XDR

/// change_info4: a directory's change attribute around an operation that altered it (RFC 8881 §3.3.3).
package struct ChangeInfo: Equatable, Sendable {
    /// Whether nothing else can have changed the directory between `before` and `after`.
    package var atomic: Bool
    package var before: UInt64
    package var after: UInt64

    package init(atomic: Bool, before: UInt64, after: UInt64) {
        self.atomic = atomic
        self.before = before
        self.after = after
    }

    package func encode(to reply: inout XDRWriter) {
        reply.bool(atomic)
        reply.uint64(before)
        reply.uint64(after)
    }
}
