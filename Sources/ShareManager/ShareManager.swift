import Foundation
import Logging
import NFSDaemon
import UnixSignals

/// Serves one volume of Longhorn until SIGTERM: waits for its device, mounts it, exports it, and unmounts it in the end.
/// - Throws: an error whose description is one line, or several, that say what to do.
package func share(_ options: ShareOptions, environment: [String: String]) async throws {
    // From the first moment on: the signal would end the process.
    let hangups = await UnixSignalsSequence(trapping: .sighup)
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
    let errors = DeviceErrors()
    let daemon = try await Daemon(configuration, log, onDeviceError: errors.take)
    let share = Share(volume, daemon, log: log)
    try await withThrowingTaskGroup { group in
        group.addTask {
            try await daemon.run(hangups, reading: { configuration }) { writePIDFile(options.pidFile, log) }
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
        if let lease {
            group.addTask {
                do {
                    try await lease.keep { try await share.setHeld($0) }
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
    unlink(options.pidFile)
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

/// The probe of the pod looks for it, nothing else does.
private func writePIDFile(_ path: String, _ log: Logger) {
    do {
        try "\(getpid())\n".write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
        log.error("the readiness probe of Longhorn will not find the file", metadata: ["file": "\(path)", "error": "\(error)"])
    }
}
