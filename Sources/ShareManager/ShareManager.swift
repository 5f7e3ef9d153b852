import Foundation
import Logging
import NFSDaemon

/// Serves one volume of Longhorn until SIGTERM: waits for its device, mounts it, exports it, and unmounts it in the end.
/// - Throws: an error whose description is one line, or several, that say what to do.
package func share(_ options: ShareOptions, environment: [String: String]) async throws {
    let pidFile = try PIDFile(options.pidFile)
    defer { pidFile.remove() }
    let configuration = try options.serverConfiguration(environment)
    let log = configuration.makeLog(label: "share-manager")
    for warning in configuration.warnings { log.warning("\(warning)") }
    let lease = try await options.holdsLease ? lease(options, environment, log) : nil
    try await lease?.take()
    log.info("waiting for the device", metadata: ["device": "\(options.device)"])
    try await BlockDevice.wait(for: options.device)
    let volume = ShareVolume(options, log: log)
    try await volume.mount()
    try configuration.checkFileSystem()
    // Until now a signal ends the process, from now on what is served.
    let signals = await Signals()
    let errors = DeviceErrors()
    let daemon = try await Daemon(configuration, log, onDeviceError: errors.take)
    let share = Share(volume, daemon, log: log)
    try await withThrowingTaskGroup { group in
        group.addTask {
            try await daemon.run(signals, reading: { configuration }) { pidFile.write(log) }
        }
        group.addTask { try await serveGRPC(share, on: options.grpcAddress, log: log) }
        group.addTask {
            for await status in errors.seen {
                do {
                    try await share.mend(status)
                } catch {
                    // There is nothing left to end in order.
                    log.critical("the volume cannot be served here any more, so the process ends, for another pod to serve it: \(error)")
                    _exit(EXIT_FAILURE)
                }
                errors.setMended()
            }
        }
        group.addTask {
            // Whoever has nothing to ask of it at the time notices nothing.
            while true {
                try await Task.sleep(for: .seconds(5))
                if let failure = await volume.failure() { errors.take(failure) }
            }
        }
        if let lease {
            group.addTask {
                do {
                    try await lease.keep(daemon.setHeld)
                } catch let lost as LeaseLost {
                    // Not one more request is answered, not even to end in order.
                    log.critical("\(lost): stopping at once")
                    _exit(EXIT_FAILURE)
                }
            }
        }
        defer { group.cancelAll() }
        // The first to end, the server by a signal or any of them by a failure, ends all.
        try await group.next()
    }
    try await volume.unmount()
}

/// The lease of the volume, in the name of the node this pod runs on.
private func lease(_ options: ShareOptions, _ environment: [String: String], _ log: Logger) async throws -> KubernetesLease {
    guard let pod = options.podName, let namespace = options.namespace else {
        throw ShareError("FAST_FAILOVER takes POD_NAME and POD_NAMESPACE: set them, or leave out FAST_FAILOVER")
    }
    let api = try KubernetesAPI.ofThisPod(environment)
    let node = try await KubernetesLease.node(of: pod, in: namespace, api: api)
    return KubernetesLease(options.volume, in: namespace, holder: node, api: api, log: log)
}
