/// The access an OPEN asks for or denies to others: READ, WRITE or both (RFC 8881 §18.16.3).
@frozen @usableFromInline package struct ShareAccess: OptionSet, Hashable, Sendable {
    @usableFromInline package var rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let read = ShareAccess(rawValue: 1)
    package static let write = ShareAccess(rawValue: 2)
    package static let both: ShareAccess = [.read, .write]
}
