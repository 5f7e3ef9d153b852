import Logging
import NFSDaemon
import NFSProtocol

/// A volume and the server that exports it, and what Longhorn asks of both: one thing at a time, in the order it was asked for.
actor Share {
    private let volume: ShareVolume
    private let daemon: Daemon
    private let log: Logger
    private var isMounted = true
    private var last: Task<Void, any Error>?

    init(_ volume: ShareVolume, _ daemon: Daemon, log: Logger) {
        self.volume = volume
        self.daemon = daemon
        self.log = log
    }

    /// Unmounts the volume. Clients are answered with NFS4ERR_DELAY until it is mounted again, and keep what they have open and locked.
    func unmount() async throws { try await inTurn { try await $0.unmountNow() } }

    func mount() async throws { try await inTurn { try await $0.mountNow() } }

    /// Gives the file system all of a device that grew.
    func resize() async throws { try await inTurn { try await $0.whileMounted { try await $0.grow() } } }

    /// Tells the device which blocks are free.
    func trim() async throws { try await inTurn { try await $0.whileMounted { try await $0.trim() } } }

    /// Mounts the volume anew, since its file system failed or was made read-only: that checks it and replays its journal. Clients wait.
    /// - Throws: when the volume cannot be served any more, here.
    func mend(_ status: NFSStatus) async throws { try await inTurn { try await $0.mendNow(status) } }

    private func mendNow(_ status: NFSStatus) async throws {
        guard isMounted else { return }
        log.error("the volume fails, so it is mounted anew; clients wait", metadata: ["status": "\(status)"])
        try await unmountNow()
        try await mountNow()
        log.notice("the volume is served again")
    }

    private func inTurn(_ operation: @escaping @Sendable (Share) async throws -> Void) async throws {
        let before = last
        let task = Task {
            _ = await before?.result
            try await operation(self)
        }
        last = task
        try await task.value
    }

    private func whileMounted(_ operation: (ShareVolume) async throws -> Void) async throws {
        guard isMounted else { throw ShareError("the volume is not mounted: call Mount first") }
        try await operation(volume)
    }

    private func unmountNow() async throws {
        guard isMounted else { return }
        await daemon.suspend()
        do {
            try await volume.unmount()
        } catch {
            // Somebody else has a file open there.
            try await daemon.resume()
            throw error
        }
        isMounted = false
    }

    private func mountNow() async throws {
        guard !isMounted else { return }
        try await volume.mount()
        try await daemon.resume()
        isMounted = true
    }
}
