import NFSState

/// Stands in for the back channel.
extension NFSServer {
    func canCall(_ client: Client) -> Bool { false }
    func notify(_ waiter: LockWaiter, then completion: @escaping @Sendable (_ delivered: Bool) -> Void) { completion(false) }
}
