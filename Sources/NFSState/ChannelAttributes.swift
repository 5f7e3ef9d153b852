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

    /// What SEQUENCE alone takes with an AUTH_NONE credential: the smallest request and reply a fore channel can work with.
    private static let smallestRequest: UInt32 = 88
    private static let smallestReply: UInt32 = 80
    /// The same for CB_SEQUENCE.
    private static let smallestCallback: UInt32 = 96
    private static let smallestCallbackReply: UInt32 = 76

    /// What the server grants of the fore channel a client asked for. Sizes are never raised; the numbers of operations and slots
    /// may be (§18.36.3), and none at all is raised to one.
    /// - Parameter slots: the session's share of the slots there are.
    /// - Throws: `toosmall` when not even a SEQUENCE would fit.
    package func granted(_ limits: StateLimits, slots: UInt32) throws(NFSStatus) -> ChannelAttributes {
        guard maximumRequest >= Self.smallestRequest, maximumResponse >= Self.smallestReply else { throw .toosmall }
        let response = min(maximumResponse, UInt32(clamping: limits.messageBytes))
        return ChannelAttributes(
            maximumRequest: min(maximumRequest, UInt32(clamping: limits.messageBytes)),
            maximumResponse: response,
            maximumCachedResponse: min(maximumCachedResponse, UInt32(clamping: limits.cachedReplyBytes), response),
            maximumOperations: max(1, min(maximumOperations, UInt32(clamping: limits.operations))),
            maximumRequests: max(1, min(maximumRequests, slots)))
    }

    /// What the server will use of the back channel a client offers. All of it, for these bound what the server sends: the
    /// numbers must not be changed, and Linux takes a smaller maximum response for an error.
    /// - Throws: `toosmall` when not even a CB_SEQUENCE and another operation would fit.
    package func grantedForCallbacks() throws(NFSStatus) -> ChannelAttributes {
        guard maximumRequest >= Self.smallestCallback, maximumResponse >= Self.smallestCallbackReply, maximumOperations > 1,
            maximumRequests > 0
        else { throw .toosmall }
        return withoutPadding
    }

    /// The same without padding in front of data, which this server does not use.
    var withoutPadding: ChannelAttributes {
        var attributes = self
        attributes.headerPadding = 0
        return attributes
    }
}
