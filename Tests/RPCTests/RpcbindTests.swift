import Foundation
import RPC
import Synchronization
import Testing

struct NamespaceError: Error, CustomStringConvertible {
    let description: String
}

private final class Outcome<Value: Sendable>: Sendable {
    let value = Mutex<Result<Value, any Error>?>(nil)
}

/// Runs `body` with the process id of a fresh rpcbind, on a thread with a network and a /run of its own.
private func withPrivateRpcbind<Value: Sendable>(_ body: @escaping @Sendable (pid_t) throws -> Value) throws -> Value {
    let outcome = Outcome<Value>()
    let done = DispatchSemaphore(value: 0)
    Thread {
        let result = Result { try runPrivately(body) }
        outcome.value.withLock { $0 = result }
        done.signal()
    }.start()
    done.wait()
    guard let result = outcome.value.withLock({ $0 }) else { throw NamespaceError(description: "the thread left nothing") }
    return try result.get()
}

private func runPrivately<Value>(_ body: (pid_t) throws -> Value) throws -> Value {
    guard enterPrivateNamespaces() else {
        throw NamespaceError(description: "cannot enter namespaces of its own: \(String(cString: strerror(errno)))")
    }
    let start = """
        mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip link set lo up || exit 1
        rpcbind -f >/dev/null 2>&1 & echo $!
        for attempt in $(seq 200); do rpcinfo >/dev/null 2>&1 && exit 0; sleep 0.02; done; exit 1
        """
    guard let pid = pid_t(output(of: start).split(separator: "\n").first ?? "") else {
        throw NamespaceError(description: "rpcbind did not start")
    }
    defer { kill(pid, SIGTERM) }
    return try body(pid)
}

/// unshare(2), which is not part of what Swift imports.
private func enterPrivateNamespaces() -> Bool {
    guard let symbol = dlsym(nil, "unshare") else { return false }
    let unshare = unsafeBitCast(symbol, to: (@convention(c) (Int32) -> Int32).self)
    let (newNetwork, newMounts): (Int32, Int32) = (0x4000_0000, 0x0002_0000)
    return unshare(newNetwork | newMounts) == 0
}

/// What a shell command writes. It runs in the namespaces of the calling thread.
private func output(of command: String) -> String {
    guard let stream = popen(command, "r") else { return "" }
    defer { pclose(stream) }
    var text: [UInt8] = []
    while case let byte = fgetc(stream), byte != EOF { text.append(UInt8(truncatingIfNeeded: byte)) }
    return String(decoding: text, as: UTF8.self)
}

private let canRun = geteuid() == 0 && access("/usr/sbin/rpcbind", X_OK) == 0 && access("/usr/sbin/rpcinfo", X_OK) == 0

@Suite(.enabled(if: canRun, "needs root and the package rpcbind: rpcbind is started in namespaces of its own"))
struct RpcbindTests {
    private func ports(of program: UInt32) -> [String] {
        output(of: "rpcinfo | awk '$1 == \(program) { print $2, $3, $4 }'").split(separator: "\n").map(String.init).sorted()
    }

    @Test func aProgramIsListedUntilItIsTakenBack() throws {
        let listings = try withPrivateRpcbind { _ in
            var listings: [[String]] = []
            let ipv4 = PeerAddress(address: [0, 0, 0, 0], port: 2049)
            try Rpcbind.register(program: 100_003, version: 4, at: ipv4)
            listings.append(ports(of: 100_003))
            // A killed server leaves its registration behind; the next one has another port.
            let moved = PeerAddress(address: [0, 0, 0, 0], port: 12_049)
            try Rpcbind.register(program: 100_003, version: 4, at: moved)
            listings.append(ports(of: 100_003))
            try Rpcbind.unregister(program: 100_003, version: 4, at: moved)
            listings.append(ports(of: 100_003))
            try Rpcbind.unregister(program: 100_003, version: 4, at: moved)

            let both = PeerAddress(address: [UInt8](repeating: 0, count: 16), port: 2049)
            try Rpcbind.register(program: 100_003, version: 4, at: both)
            listings.append(ports(of: 100_003))
            try Rpcbind.unregister(program: 100_003, version: 4, at: both)
            listings.append(ports(of: 100_003))
            return listings
        }
        #expect(
            listings == [
                ["4 tcp 0.0.0.0.8.1"], ["4 tcp 0.0.0.0.47.17"], [], ["4 tcp 0.0.0.0.8.1", "4 tcp6 ::.8.1"], [],
            ])
    }

    @Test func withoutRpcbindTheErrorSaysWhatToDo() throws {
        let error = try withPrivateRpcbind { rpcbind in
            kill(rpcbind, SIGTERM)
            _ = output(of: "for attempt in $(seq 200); do rpcinfo >/dev/null 2>&1 || exit; sleep 0.02; done")
            do throws(RpcbindError) {
                try Rpcbind.register(program: 100_003, version: 4, at: PeerAddress(address: [0, 0, 0, 0], port: 2049))
                return nil as RpcbindError?
            } catch {
                return error
            }
        }
        #expect(error?.description.hasPrefix("cannot register program 100003 version 4 for tcp port 2049: ") == true)
        #expect(error?.description.contains("start rpcbind, or start without --rpcbind") == true)
    }
}
