import NFSProtocol

/// The byte-range locks of one lock-owner under one open of a file (RFC 8881 §9.1.4, §18.10).
struct LockState: Sendable {
    var stateID: StateID
    let client: Client
    let owner: [UInt8]
    /// The open it was made under, and ends with.
    let open: StateID.Other
    var ranges = HeldRanges()

    func isOf(_ client: Client, _ owner: [UInt8]) -> Bool { self.client === client && self.owner == owner }
}
