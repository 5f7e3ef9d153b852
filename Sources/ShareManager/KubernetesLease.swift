import Foundation
import Logging

/// The Lease that says which share manager serves a volume: whoever took it last. Longhorn makes it, named like the volume, gives the
/// volume to another node when it is not renewed, and takes the holder's name off it then.
package actor KubernetesLease {
    private let api: KubernetesAPI
    private let path: String
    private let holder: String
    private let interval: Duration
    private let log: Logger
    /// As this instance has written it last; nil when there is none to hold.
    private var held: Lease?
    /// When that was sent.
    private var renewed = ContinuousClock.now

    /// - Parameters:
    ///   - holder: the node, by which Longhorn finds the volumes of one that is gone.
    ///   - interval: how often it is renewed.
    package init(
        _ name: String, in namespace: String, holder: String, api: KubernetesAPI, interval: Duration = .seconds(3), log: Logger
    ) {
        self.api = api
        path = "/apis/coordination.k8s.io/v1/namespaces/\(namespace)/leases/\(name)"
        self.holder = holder
        self.interval = interval
        self.log = log
    }

    /// The name of the node a pod runs on.
    package static func node(of pod: String, in namespace: String, api: KubernetesAPI) async throws -> String {
        struct Pod: Decodable {
            struct Spec: Decodable { var nodeName: String }
            var spec: Spec
        }
        guard let found = try await api.get("/api/v1/namespaces/\(namespace)/pods/\(pod)", as: Pod.self) else {
            throw ShareError("there is no pod \(pod) in \(namespace), which POD_NAME and POD_NAMESPACE say this is: correct them")
        }
        return found.spec.nodeName
    }

    /// Returns when the lease is this instance's: at once, or when another node has not renewed it for as long as it lasts.
    package func take() async throws {
        var (seen, since) = (Lease?.none, ContinuousClock.now)
        while true {
            let found: Lease?
            do {
                found = try await api.get(path, as: Lease.self)
            } catch {
                log.warning("the lease of the volume cannot be read, trying again", metadata: ["error": "\(error)"])
                try await Task.sleep(for: interval)
                continue
            }
            guard let lease = found else {
                return log.warning(
                    "there is no Lease for the volume, so nobody is told when this node fails", metadata: ["lease": "\(path)"])
            }
            // By this machine's clock: that of the other node may be wrong.
            if seen?.metadata.resourceVersion != lease.metadata.resourceVersion { (seen, since) = (lease, .now) }
            let isOthers = ![nil, "", holder].contains(lease.spec.holderIdentity)
            if !isOthers || ContinuousClock.now - since > lease.duration {
                if try await take(over: lease) { return }
            } else {
                try await Task.sleep(for: min(interval, lease.duration) / 4)
            }
        }
    }

    private func take(over lease: Lease) async throws -> Bool {
        var lease = lease
        lease.spec.holderIdentity = holder
        lease.spec.leaseTransitions = (lease.spec.leaseTransitions ?? 0) + 1
        lease.spec.acquireTime = Self.now
        do {
            try await write(lease)
        } catch {
            log.warning("the lease of the volume cannot be taken, trying again", metadata: ["error": "\(error)"])
            try await Task.sleep(for: interval)
            return false
        }
        log.notice("took the lease of the volume", metadata: ["holder": "\(holder)", "transitions": "\(lease.spec.leaseTransitions ?? 0)"])
        return true
    }

    private func write(_ lease: Lease) async throws {
        var lease = lease
        lease.spec.renewTime = Self.now
        let sent = ContinuousClock.now
        held = try await api.patch(path, lease)
        renewed = sent
    }

    /// Renews the lease until it is lost.
    /// - Parameter setUncertain: called when it could not be renewed for as long as it lasts, so that another may serve, and when it was
    ///   renewed after that.
    /// - Throws: when another has it, when Longhorn took it away, and when the task is cancelled.
    package func keep(_ setUncertain: (Bool) -> Void) async throws {
        var isUncertain = false
        while let lease = held {
            try await Task.sleep(for: interval)
            do {
                try await renew(lease)
                guard isUncertain else { continue }
                isUncertain = false
                setUncertain(false)
                log.notice("the lease of the volume is renewed again, clients go on")
            } catch let lost as LeaseLost {
                throw lost
            } catch {
                log.warning("the lease of the volume cannot be renewed", metadata: ["error": "\(error)"])
                // What is under way needs a moment to end.
                if !isUncertain, ContinuousClock.now - renewed > lease.duration - min(interval, lease.duration / 4) {
                    isUncertain = true
                    setUncertain(true)
                    log.error("the lease of the volume may be another's by now: clients wait until it is renewed or lost")
                }
            }
        }
        // There is none to lose.
        try await Task.sleep(for: .seconds(Int64.max >> 32))
    }

    private func renew(_ lease: Lease) async throws {
        do {
            try await write(lease)
        } catch is KubernetesAPI.Conflict {
            // Somebody wrote there; it need not have been about who holds it.
            guard let now = try await api.get(path, as: Lease.self) else { return held = nil }
            guard now.spec.holderIdentity == holder, now.spec.leaseTransitions == lease.spec.leaseTransitions else {
                throw LeaseLost(holder: now.spec.holderIdentity ?? "")
            }
            held = now
            try await write(now)
        }
        if held == nil { log.warning("the Lease of the volume is gone", metadata: ["lease": "\(path)"]) }
    }

    /// As Kubernetes reads it: with six digits behind the seconds, no more and no less.
    private static var now: String { Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)).dropLast() + "000Z" }

    /// What of a Lease matters here; the rest stays as it is.
    private struct Lease: Codable {
        struct Metadata: Codable {
            var resourceVersion: String
        }
        struct Spec: Codable {
            var holderIdentity: String?
            var leaseDurationSeconds: Int?
            var leaseTransitions: Int?
            var acquireTime: String?
            var renewTime: String?
        }
        var metadata: Metadata
        var spec: Spec

        /// How long it lasts without being renewed.
        var duration: Duration { .seconds(spec.leaseDurationSeconds ?? 7) }
    }
}

/// Another serves the volume, or is to.
package struct LeaseLost: Error, CustomStringConvertible {
    let holder: String

    package var description: String {
        holder.isEmpty
            ? "Longhorn took the lease of the volume away: another share manager will serve it"
            : "the lease of the volume is with \(holder) now, whose share manager serves it"
    }
}
