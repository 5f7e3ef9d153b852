/// sr_status_flags: what SEQUENCE tells a client about its state besides the reply itself (RFC 8881 §18.46.3).
@frozen @usableFromInline package struct SequenceStatus: OptionSet, Hashable, Sendable {
    @usableFromInline package let rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// SEQ4_STATUS_CB_PATH_DOWN: no session of the client has a connection for callbacks.
    package static let callbackPathDown = SequenceStatus(rawValue: 0x1)
    /// SEQ4_STATUS_CB_GSS_CONTEXTS_EXPIRING: all RPCSEC_GSS contexts for callbacks of the session end within the time of a lease.
    package static let callbackContextsExpiring = SequenceStatus(rawValue: 0x2)
    /// SEQ4_STATUS_CB_GSS_CONTEXTS_EXPIRED: all of them have ended or are gone.
    package static let callbackContextsExpired = SequenceStatus(rawValue: 0x4)
    /// SEQ4_STATUS_EXPIRED_ALL_STATE_REVOKED: the lease ran out and all the client held is gone, until it has freed each stateid.
    package static let expiredAllStateRevoked = SequenceStatus(rawValue: 0x8)
    /// SEQ4_STATUS_EXPIRED_SOME_STATE_REVOKED: the same for a part of it.
    package static let expiredSomeStateRevoked = SequenceStatus(rawValue: 0x10)
    /// SEQ4_STATUS_ADMIN_STATE_REVOKED: an administrator took something away, until the client has freed each stateid.
    package static let adminStateRevoked = SequenceStatus(rawValue: 0x20)
    /// SEQ4_STATUS_CB_PATH_DOWN_SESSION: this session has no connection for callbacks.
    package static let callbackPathDownSession = SequenceStatus(rawValue: 0x200)
    /// SEQ4_STATUS_BACKCHANNEL_FAULT: the client answers callbacks wrongly, so that the slots of the back channel are of no use.
    package static let backChannelFault = SequenceStatus(rawValue: 0x400)
}
