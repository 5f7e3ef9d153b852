import NFSProtocol

/// channel_attrs4: what one direction of a session can carry (RFC 8881 §18.36.1). Sizes are in bytes, RPC headers included.
package struct ChannelAttributes: Hashable, Sendable {
    package var headerPadding: UInt32
    package var maximumRequest: UInt32
    package var maximumResponse: UInt32
    package var maximumCachedResponse: UInt32
    package var maximumOperations: UInt32
    /// Slots, that is requests that can be under way at once.
    package var maximumRequests: UInt32

    package init(
        headerPadding: UInt32 = 0, maximumRequest: UInt32, maximumResponse: UInt32, maximumCachedResponse: UInt32,
        maximumOperations: UInt32, maximumRequests: UInt32
    ) {
        self.headerPadding = headerPadding
        self.maximumRequest = maximumRequest
        self.maximumResponse = maximumResponse
        self.maximumCachedResponse = maximumCachedResponse
        self.maximumOperations = maximumOperations
        self.maximumRequests = maximumRequests
    }

    /// The smallest request and response a session can work with: room for the RPC header, SEQUENCE and one small operation.
    package static let minimumMessage: UInt32 = 512

    /// What the server grants of a fore channel a client asked for.
    /// - Throws: `toosmall` when the channel could not carry a useful compound (§18.36.3), `inval` for no slot at all.
    package func granted(_ limits: StateLimits) throws(NFSStatus) -> ChannelAttributes {
        fatalError()
    }
}
