import ChildProcesses
import Foundation
import NFSDaemon
import Testing

/// The built program, as a user runs it.
@Suite("The command line of nfs-server")
struct ConfigurationCommandTests {
    @Test("check prints the effective configuration and exits 0")
    func checkSuccess() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("export: /proc\nlease: 20\nstate-dir: \(directory.path)\n")
        let outcome = try runServer(["check", file], environment: ["REMUDA_WORKERS": "3", "REMUDA_WORKER": "3"])
        #expect(outcome.status == 0)
        #expect(outcome.errors == ["nfs-server: warning: REMUDA_WORKER is not a setting and is ignored: did you mean REMUDA_WORKERS?"])
        let printed = try configuration(yaml: outcome.output)
        #expect(printed.lease == .seconds(20))
        #expect(printed.workers == 3)
        #expect(printed.exports.map(\.pseudoPath) == ["/proc"])
    }

    @Test("check --ganesha prints what a configuration of NFS-Ganesha comes to, as a file of this server")
    func checkGanesha() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file(
            """
            NFSV4 { Lease_Lifetime = 20; Grace_Period = 30; Delegations = true; Slots = 5; }
            EXPORT { Export_Id = 1; Path = /proc; Pseudo = /vol; Access_Type = RO; Squash = None; SecType = sys; FSAL { Name = VFS; } }
            """)
        let outcome = try runServer(["check", "--ganesha", file], environment: ["REMUDA_STATE_DIR": directory.path])
        #expect(outcome.status == 0)
        #expect(outcome.errors.count == 1)
        #expect(outcome.errors.first?.hasPrefix("nfs-server: warning: \(file):1: NFSV4 \"Slots\" has no meaning here") == true)
        let printed = try configuration(yaml: outcome.output)
        #expect((printed.lease, printed.grace) == (.seconds(20), .seconds(30)))
        #expect(printed.exports.map(\.pseudoPath) == ["/vol"])
        #expect(printed.exports[0].rule.isReadOnly)
        #expect(printed.stateDirectory == directory.path)
    }

    @Test("check prints each problem on a line of its own and exits 1")
    func checkFailure() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("export: /proc\nleese: 20\ngrace: no\n")
        let outcome = try runServer(["check", file])
        #expect(outcome.status == 1)
        #expect(outcome.output == "")
        #expect(
            outcome.errors == [
                #"nfs-server: \#(file):2: unknown key "leese": did you mean lease?"#,
                #"nfs-server: \#(file):3: grace must be a whole number of seconds from 1 to 3600, not "no""#,
            ])
    }

    @Test("check looks at the file system too")
    func checkMissingPath() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.file("export: \(directory.path)/none\nstate-dir: \(directory.path)\n")
        let outcome = try runServer(["check", file])
        #expect(outcome.status == 1)
        #expect(
            outcome.errors == ["nfs-server: export \(directory.path)/none: No such file or directory: create it, or mount the volume there"]
        )
    }

    @Test("check looks at the token and the certificates for the recovery backend")
    func checkRecoveryFiles() throws {
        let directory = try TemporaryDirectory()
        let common = "export: /proc\nstate-dir: \(directory.path)\nrecovery-url: https://localhost:1\n"
        func problems(_ settings: String) throws -> [String] {
            let outcome = try runServer(["check", try directory.file(common + settings)])
            #expect(outcome.status == 1)
            return outcome.errors
        }
        let files = "nfs-server: recovery-ca, recovery-certificate, recovery-key: "
        #expect(
            try problems("recovery-certificate: /dev/null\n") == ["\(files)the certificate /dev/null is given without its key: give both"])
        #expect(try problems("recovery-key: /dev/null\n") == ["\(files)the key /dev/null is given without its certificate: give both"])
        #expect(
            try problems("recovery-token-file: /none\nrecovery-ca: /none\n") == [
                "nfs-server: recovery-token-file: /none cannot be read: No such file or directory: give a file this user may read",
                "\(files)/none cannot be read: No such file or directory: give a file this user may read",
            ])
        #expect(
            try problems("recovery-token-file: /dev/null\nrecovery-ca: /dev/null\n") == [
                "nfs-server: recovery-token-file: /dev/null is to hold a bearer token: one line of printable characters",
                "\(files)/dev/null holds no certificate in PEM form: give another file",
            ])
    }

    @Test(
        "check --explain tells what holds for an address on an export",
        arguments: [
            (
                "10.1.2.3:/vol/below",
                ["10.1.2.3 on /vol (/proc): admitted", "  network: 10.1.0.0/16", "  access: read-only"]
                    + ["  squash: all (everybody becomes anonymous)", "  anonymous: uid 7, gid 65534", "  security: krb5p, sys"]
                    + principals
            ),
            (
                "[fd00::1]:/vol",
                ["fd00::1 on /vol (/proc): admitted", "  network: fd00::/8", "  access: read and write", "  squash: none"]
                    + ["  anonymous: uid 7, gid 65534", "  security: sys"] + principals
            ),
            (
                "192.0.2.1:/vol",
                ["192.0.2.1 on /vol (/proc): NOT ADMITTED", "  no entry of allowed-networks holds it: 10.0.0.0/8, 10.1.0.0/16, fd00::/8"]
            ),
            ("10.2.3.4:/vol", ["10.2.3.4 on /vol (/proc): NOT ADMITTED", "  network: 10.2.0.0/16, of denied-networks"]),
            (
                "192.0.2.1:/open",
                ["192.0.2.1 on /open (/sys): admitted", "  network: 0.0.0.0/0 (everyone)", "  access: read and write"]
                    + ["  squash: root (root becomes anonymous)", "  anonymous: uid 65534, gid 65534", "  security: sys"] + principals
            ),
        ])
    func explain(question: String, answer: [String]) throws {
        let files = try explained()
        let outcome = try runServer(["check", files.file, "--explain", question])
        #expect(outcome.output.split(separator: "\n").map(String.init) == answer)
        #expect(outcome.status == 0)
    }

    @Test(
        "check --explain says what it cannot explain",
        arguments: [
            ("10.1.2.3:/none", "--explain: /none is no export: exported are /vol, /open"),
            (
                "fd00::1:/vol",
                #"--explain must be a numeric address and a pseudo path such as 10.1.2.3:/vol or [fd00::1]:/vol, not "fd00::1:/vol""#
            ),
            (
                "[10.1.2.3]:/vol",
                #"--explain must be a numeric address and a pseudo path such as 10.1.2.3:/vol or [fd00::1]:/vol, not "[10.1.2.3]:/vol""#
            ),
            (
                "host", #"--explain must be a numeric address and a pseudo path such as 10.1.2.3:/vol or [fd00::1]:/vol, not "host""#
            ),
        ])
    func explainMistake(question: String, problem: String) throws {
        let files = try explained()
        let outcome = try runServer(["check", files.file, "--explain", question])
        #expect(outcome.errors == ["nfs-server: \(problem)"])
        #expect(outcome.status == 1)
    }

    private func explained() throws -> (directory: TemporaryDirectory, file: String) {
        let directory = try TemporaryDirectory()
        let file = try directory.file(
            """
            state-dir: \(directory.path)
            export:
              - path: /proc
                pseudo: /vol
                anonymous-uid: 7
                allowed-networks:
                  - 10.0.0.0/8
                  - {network: 10.1.0.0/16, read-only: true, squash: all, security: [krb5p, sys]}
                  - "fd00::/8"
                denied-networks: 10.2.0.0/16
              - path: /sys
                pseudo: /open
                squash: root
            """)
        return (directory, file)
    }

    @Test("serve refuses what check refuses, with one line and exit code 1")
    func serveFailure() throws {
        let outcome = try runServer(["serve", "--export", "/proc", "--lease", "0"])
        #expect(outcome.status == 1)
        #expect(outcome.errors == [#"nfs-server: --lease must be a whole number of seconds from 1 to 3600, not "0""#])
        #expect(
            try runServer(["serve", "--config", "/nonexistent.yaml"]).errors == [
                "nfs-server: configuration file /nonexistent.yaml: No such file or directory"
            ])
    }

    @Test("An unknown flag is a usage error")
    func usage() throws {
        #expect(try runServer(["serve", "--leese", "5"]).status == 64)
        #expect(try runServer(["check"]).status == 64)
    }

    @Test("Every setting is a flag of serve that reaches the configuration", arguments: Setting.allCases)
    func everyFlag(setting: Setting) throws {
        let takesValue = setting.description.placeholder != nil
        // A value that no setting takes shows that the text of the flag arrives; a switch shows it by its help.
        guard takesValue else {
            let help = try runServer(["serve", "--help"]).output
            #expect(help.contains("--\(setting.rawValue)/--no-\(setting.rawValue)"))
            return
        }
        let outcome = try runServer(["serve", "--\(setting.rawValue)", "?"])
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains { $0.hasPrefix("nfs-server: --\(setting.rawValue) ") })
    }

    @Test("A switch reaches the configuration")
    func switches() throws {
        let directory = try TemporaryDirectory()
        let arguments = [
            "serve", "--export", directory.path, "--recovery-url", "http://localhost:1", "--admin-socket", "/nonexistent/socket",
        ]
        // The missing directory of the socket ends the program before it serves.
        let refused = try runServer(arguments)
        #expect(refused.errors.count == 2)
        let allowed = try runServer(arguments + ["--allow-unmounted"])
        #expect(allowed.errors == ["nfs-server: admin-socket /nonexistent/socket: there is no directory /nonexistent: create it"])
        let file = try directory.file("allow-unmounted: true\n")
        let refusedAgain = try runServer(arguments + ["--config", file, "--no-allow-unmounted"])
        #expect(refusedAgain.errors == refused.errors)
    }

    @Test(
        "A mount is told from a directory, and a read-only state directory is refused", .enabled(if: mayMount, "needs the right to mount"))
    func mounts() throws {
        let directory = try TemporaryDirectory()
        let (bound, plain, readOnly) = try (directory.directory("a bound"), directory.directory("plain"), directory.directory("read only"))
        let file = try directory.file("export:\n  - \(bound)\n  - \(plain)\nstate-dir: \(readOnly)/state\n")
        // Bound to a directory of the same file system, so that only the mount table tells.
        let script = #"mount --bind "$1" "$2" && mount -t tmpfs -o ro none "$3" && exec "$4" check "$5""#
        let outcome = try run(
            "/usr/bin/unshare", ["-m", "sh", "-c", script, "sh", plain, bound, readOnly, serverProgram(), file],
            environment: ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"])
        #expect(
            outcome.errors == [
                "nfs-server: export \(plain): nothing is mounted there: mount the volume, or give --allow-unmounted to export the directory as it is",
                "nfs-server: state-dir \(readOnly)/state: \(readOnly): Read-only file system: make it writable or give another state-dir",
            ])
    }
}

private let mayMount = (try? run("/usr/bin/unshare", ["-m", "true"]).status) == 0

/// What check --explain says of Kerberos principals when the configuration says nothing.
private let principals = [
    "  unknown principals: anonymous", "  machine principals: anonymous, or the user krb5.conf maps them to",
]

private struct Outcome {
    let status: Int32
    let output: String
    let errors: [String]
}

private func runServer(_ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    try run(serverProgram(), arguments, environment: environment)
}

/// The program SwiftPM put beside the tests.
private func serverProgram() throws -> String {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("nfs-server").path
}

private func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Outcome {
    let program = try FinishedProgram(program, arguments, environment: environment.map { "\($0)=\($1)" })
    let lines = program.errors.split(separator: "\n").map(String.init)
    return Outcome(status: program.status, output: program.output, errors: lines)
}
