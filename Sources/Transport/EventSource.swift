/// Something a loop waits for; the loop keeps it alive while it is registered.
///
/// Unchecked because its subclasses hold state that only the thread of their loop touches.
class EventSource: @unchecked Sendable {
    let descriptor: Int32

    init(descriptor: Int32) { self.descriptor = descriptor }

    /// The kernel reports `events` (EPOLLIN and so on). Called on the loop's thread, and at most once more after the source
    /// was taken out of the loop.
    func ready(_ events: UInt32) {}
}
