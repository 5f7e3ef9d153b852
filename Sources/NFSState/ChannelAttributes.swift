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

    /// The smallest request and reply a session can work with: the RPC header, the COMPOUND header and SEQUENCE.
    private static let minimumMessage: UInt32 = 128

    /// What the server grants of the fore channel a client asked for: no more than was asked, no more than the limits.
    /// - Throws: `toosmall` when not even a SEQUENCE would fit (§18.36.3).
    package func granted(_ limits: StateLimits) throws(NFSStatus) -> ChannelAttributes {
        guard maximumRequest >= Self.minimumMessage, maximumResponse >= Self.minimumMessage, maximumOperations > 0, maximumRequests > 0
        else { throw .toosmall }
        return ChannelAttributes(
            maximumRequest: min(maximumRequest, UInt32(clamping: limits.messageBytes)),
            maximumResponse: min(maximumResponse, UInt32(clamping: limits.messageBytes)),
            maximumCachedResponse: min(maximumCachedResponse, UInt32(clamping: limits.cachedReplyBytes)),
            maximumOperations: min(maximumOperations, UInt32(clamping: limits.operations)),
            maximumRequests: min(maximumRequests, UInt32(clamping: limits.slots)))
    }

    /// What the server will use of the back channel a client offers. All of it, for these bound what the server sends, and
    /// Linux takes a smaller maximum response for an error.
    /// - Throws: `toosmall` when CB_SEQUENCE and one more operation would not fit.
    package func grantedForCallbacks() throws(NFSStatus) -> ChannelAttributes {
        guard maximumRequest >= Self.minimumMessage, maximumResponse >= Self.minimumMessage, maximumOperations > 1, maximumRequests > 0
        else { throw .toosmall }
        var granted = self
        granted.headerPadding = 0
        return granted
    }
}
