import NFSProtocol
import Synchronization

/// Failures of the device, as operations of clients, or a look at it, come upon them.
///
/// The first has the volume mounted anew, and clients wait for that instead of being told. What fails shortly after that is the fault of
/// one place on the device, and told.
final class DeviceErrors: Sendable {
    /// What failed, for whoever is to mend it.
    let seen: AsyncStream<NFSStatus>
    private let continuation: AsyncStream<NFSStatus>.Continuation
    private let state = Mutex(State.sound)

    private enum State {
        case sound
        /// What fails until it is mended is the same failure.
        case failed
        case mended(ContinuousClock.Instant)
    }

    init() {
        (seen, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Notices a failure.
    /// - Returns: whether the client is to try again.
    @discardableResult
    func take(_ status: NFSStatus) -> Bool {
        state.withLock { state in
            switch state {
            case .failed: return true
            case .mended(let time) where ContinuousClock.now - time < .seconds(60): return false
            case .sound, .mended:
                state = .failed
                continuation.yield(status)
                return true
            }
        }
    }

    func setMended() { state.withLock { $0 = .mended(.now) } }
}
