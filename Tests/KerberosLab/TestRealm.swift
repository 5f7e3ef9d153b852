import ChildProcesses
import Foundation
import Synchronization

/// A Kerberos realm with a KDC of its own, for tests. It ends with this object, or with the process of the tests however that ends,
/// and its directory is gone then.
package final class TestRealm: Sendable {
    /// What is missing on this machine; empty where a realm can be made.
    package static let missing = [
        ("/usr/sbin/krb5kdc", "krb5-kdc"), ("/usr/sbin/kadmin.local", "krb5-admin-server"), ("/usr/bin/kinit", "krb5-user"),
    ]
    .filter { access($0.0, X_OK) != 0 }.map { "\($0.0): apt-get install \($0.1)" }

    /// On a machine that checks a change the tests fail rather than be left out.
    package static let isExpected = missing.isEmpty || ProcessInfo.processInfo.environment["CI"] == "true"
    package static let absence = "no Kerberos realm can be made here; missing: " + missing.joined(separator: "; ")

    package static let name = "REMUDA.TEST"
    /// Not the port of Kerberos, so that nobody has to be root; on an address that nobody else takes.
    private static let port = 31088

    package let directory: String
    /// Where the KDC listens.
    private let host: String
    private let kdc = Mutex<ChildProcess?>(nil)
    private let tickets = Mutex([String: Task<String, any Error>]())

    private static let first = Task {
        let host = "127.\(Int.random(in: 1...254)).\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
        let directory = FileManager.default.temporaryDirectory.appending(path: "kerberos-\(UUID().uuidString)").path
        let realm = try await TestRealm(in: directory, host: host, services: ["localhost"], machines: ["client"], users: ["alice", "bob"])
        try await realm.add("nfs/legacy", "-e", "arcfour-hmac:normal")
        try await realm.export("nfs/legacy", to: realm.keytab)
        try realm.start()
        return realm
    }

    /// One realm for all tests that change nothing in it: with the service `nfs/localhost`, the same with an old cipher as
    /// `nfs/legacy`, the client `host/client`, and the users alice and bob.
    package static func shared() async throws -> TestRealm { try await first.value }

    /// Makes a realm whose KDC does not run yet.
    /// - Parameters:
    ///   - directory: gone with the realm when the KDC was started here.
    ///   - host: the address of the KDC.
    package init(in directory: String, host: String, services: [String], machines: [String], users: [String]) async throws {
        self.directory = directory
        self.host = host
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try writeConfiguration(services)
        try await run("/usr/sbin/kdb5_util", "create", "-s", "-r", Self.name, "-P", "master of the realm")
        for service in services {
            try await add("nfs/\(service)")
            try await export("nfs/\(service)", to: keytab)
        }
        for principal in machines.map({ "host/\($0)" }) + users {
            try await add(principal)
            try await export(principal, to: clientKeytab)
        }
        for machine in machines { try await export("host/\(machine)", to: machineKeytab) }
    }

    deinit { kdc.withLock { $0?.finish() } }

    /// The keys of the services.
    package var keytab: String { "\(directory)/server.keytab" }
    /// The keys of the machines that are clients: without any service of NFS.
    package var machineKeytab: String { "\(directory)/machine.keytab" }
    /// The keys of all clients.
    package var clientKeytab: String { "\(directory)/client.keytab" }

    /// What a program that uses the realm needs in its environment, as `NAME=VALUE`.
    package var environment: [String] { ["KRB5_CONFIG=\(directory)/krb5.conf", "KRB5_KDC_PROFILE=\(directory)/kdc.conf"] }

    /// The program that is the KDC, and what it needs in its environment.
    package var kdcCommand: [String] { ["env"] + environment + ["/usr/sbin/krb5kdc", "-n", "-r", Self.name] }

    private func writeConfiguration(_ services: [String]) throws {
        let client = """
            [libdefaults]
                default_realm = \(Self.name)
                dns_lookup_kdc = false
                dns_lookup_realm = false
                dns_canonicalize_hostname = false
                rdns = false
                udp_preference_limit = 1
            [realms]
                \(Self.name) = {
                    kdc = \(host):\(Self.port)
                }
            [domain_realm]
            \(services.map { "    \($0) = \(Self.name)" }.joined(separator: "\n"))
            """
        let server = """
            [kdcdefaults]
                kdc_listen = \(host):\(Self.port)
                kdc_tcp_listen = \(host):\(Self.port)
            [realms]
                \(Self.name) = {
                    database_name = \(directory)/principal
                    key_stash_file = \(directory)/stash
                    acl_file = \(directory)/acl
                }
            [logging]
                kdc = FILE:\(directory)/kdc.log
            """
        try client.write(toFile: "\(directory)/krb5.conf", atomically: false, encoding: .utf8)
        try server.write(toFile: "\(directory)/kdc.conf", atomically: false, encoding: .utf8)
    }

    /// Starts the KDC on this machine.
    private func start() throws {
        // The shell reads until the other end, which is here, is closed.
        let script = #"directory=$1; shift; "$@" >/dev/null & cat >/dev/null; kill -9 $!; wait; rm -rf "$directory""#
        let process = try ChildProcess("/bin/sh", ["-c", script, "kdc", directory] + kdcCommand, log: "/dev/null")
        kdc.withLock { $0 = process }
    }

    private func add(_ principal: String, _ options: String...) async throws {
        try await kadmin((["addprinc", "-randkey"] + options + [principal]).joined(separator: " "))
    }

    private func export(_ principal: String, to keytab: String) async throws {
        try await kadmin("ktadd -k \(keytab) -norandkey \(principal)")
    }

    private func kadmin(_ query: String) async throws { try await run("/usr/sbin/kadmin.local", "-r", Self.name, "-q", query) }

    /// A ticket of `user` for `service`, which takes no KDC any more to be used.
    /// - Returns: the path of the file it is in, the same for whoever asks for the same.
    package func ticket(of user: String, for service: String = "nfs/localhost", seconds: Int = 3600) async throws -> String {
        let task = tickets.withLock { tickets in
            let key = "\(user) \(service) \(seconds)"
            let task = tickets[key] ?? Task { try await newTicket(of: user, for: service, seconds: seconds) }
            tickets[key] = task
            return task
        }
        return try await task.value
    }

    private func newTicket(of user: String, for service: String, seconds: Int) async throws -> String {
        let cache = "\(directory)/\(UUID().uuidString)"
        // The KDC may not have started yet.
        for attempt in 0... {
            do {
                try await run("/usr/bin/kinit", "-k", "-t", clientKeytab, "-c", cache, "-l", "\(seconds)s", "-S", service, user)
                break
            } catch {
                guard attempt < 200 else { throw error }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
        return cache
    }

    private func run(_ program: String, _ arguments: String...) async throws {
        let end = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try FinishedProgram("/usr/bin/env", self.environment + [program] + arguments) })
            }
        }
        guard end.status == 0 else {
            throw LabError("\(program) \(arguments.joined(separator: " ")) failed: \(end.output)\(end.errors)")
        }
    }
}

package struct LabError: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
