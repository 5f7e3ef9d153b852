import NFSProtocol
import Synchronization

/// Failures of the device, as operations of clients come upon them.
///
/// The first has the volume mounted anew, and clients wait for that instead of being told. What fails shortly after that is the fault of
/// one place on the device, and told.
final class DeviceErrors: Sendable {
    /// What failed, for whoever is to mend it.
    let seen: AsyncStream<NFSStatus>
    private let continuation: AsyncStream<NFSStatus>.Continuation
    private let mended = Mutex<ContinuousClock.Instant?>(nil)

    init() {
        (seen, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// - Returns: whether the client is to try again.
    func take(_ status: NFSStatus) -> Bool {
        guard mended.withLock({ $0.map { ContinuousClock.now - $0 > .seconds(60) } ?? true }) else { return false }
        continuation.yield(status)
        return true
    }

    func setMended() { mended.withLock { $0 = .now } }
}
