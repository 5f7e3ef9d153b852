import NFSState

extension NFSServer {
    /// Whether the client has a back channel that works.
    package func canCall(_ client: Client) -> Bool { client.hasBackChannel }

    /// CB_NOTIFY_LOCK: tells a client that a lock it was denied may be had now (RFC 8881 §20.11).
    /// - Parameter then: called once, from any thread: whether the client has taken note. False comes after the time a client may take
    ///   to answer at the latest.
    package func notify(_ waiter: LockWaiter, then: @escaping @Sendable (_ delivered: Bool) -> Void) {
        let operation = CallbackOperation.notifyLock(client: waiter.client.id, file: waiter.file, owner: waiter.owner)
        call(operation, over: backChannels.all(of: waiter.client)[...], then)
    }

    /// Makes a call over the first of the back channels by which it reaches the client.
    private func call(
        _ operation: CallbackOperation, over channels: ArraySlice<BackChannel>, _ then: @escaping @Sendable (_ delivered: Bool) -> Void
    ) {
        guard let channel = channels.first else { return then(false) }
        channel.call(operation) { delivered in
            if delivered { then(true) } else { self.call(operation, over: channels.dropFirst(), then) }
        }
    }
}
