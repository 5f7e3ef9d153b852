/// The bits of ACCESS (RFC 8881 §18.1.2).
@frozen @usableFromInline package struct AccessRights: OptionSet, Sendable {
    @usableFromInline package var rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let read = AccessRights(rawValue: 0x01)
    package static let lookup = AccessRights(rawValue: 0x02)
    package static let modify = AccessRights(rawValue: 0x04)
    package static let extend = AccessRights(rawValue: 0x08)
    package static let delete = AccessRights(rawValue: 0x10)
    package static let execute = AccessRights(rawValue: 0x20)
    /// Every right NFSv4.1 defines.
    package static let all = AccessRights(rawValue: 0x3f)
}
