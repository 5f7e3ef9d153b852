import ChildProcesses
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import GRPCProtobuf
import NFSTestClient
import ShareManager
import SwiftProtobuf
import Testing

/// A share manager in a mount namespace of its own, with a device where Longhorn puts one.
final class ShareUnderTest: Sendable {
    private let process: ChildProcess
    let device: LoopDevice
    private let port: UInt16?
    private let logFile: String

    /// Starts it and waits until it serves or has ended.
    /// - Parameter preparation: a line of shell that is run before, where its mounts are.
    init(
        _ device: LoopDevice, _ arguments: [String] = [], environment: [String] = [], preparation: String = ":",
        whileWaiting: () throws -> Void = {}
    ) throws {
        self.device = device
        logFile = "\(device.directory)/log-\(UUID().uuidString)"
        process = try ChildProcess(
            "/usr/bin/unshare",
            [
                "--mount", "--propagation", "private", "/bin/sh", "-c", "\(preparation) && exec \"$@\"", "share-manager",
                ServerUnderTest.directoryOfThisProgram() + "/share-manager", "--debug", "daemon",
                "--volume", "volume", "--data-engine", "v1", "--listen", "127.0.0.1:0", "--grpc-address", "127.0.0.1:0",
                "--device-directory",
                device.devices, "--mount-directory", "\(device.directory)/export", "--pid-file", "\(device.directory)/pid",
            ] + arguments, log: logFile, environment: environment)
        do { try whileWaiting() } catch {
            process.kill()
            throw error
        }
        let line = process.readLine(timeout: 60)
        port = line.flatMap { $0.split(separator: ":").last }.flatMap { UInt16($0) }
    }

    deinit { process.kill() }

    var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }

    /// The exit code of one that ends by itself.
    var exitCode: Int32? { process.exitCode(timeout: 30) }

    /// The exit code after SIGTERM.
    func stop() -> Int32? { process.terminate(timeout: 30) }

    /// Runs a line of shell where its mounts are.
    @discardableResult
    func inside(_ line: String) throws -> String { try Machine.run("nsenter --mount --target \(process.id) sh -c '\(line)'") }

    var mountPoint: String { "\(device.directory)/export/volume" }
    var isMounted: Bool { (try? inside("mountpoint -q \(mountPoint)")) != nil }
    var residentKiB: Int { get throws { try #require(Int(try Machine.run("awk \"/VmRSS/ { print \\$2 }\" /proc/\(process.id)/status"))) } }

    var server: RemoteServer {
        get throws { RemoteServer(host: "127.0.0.1", port: try #require(port, "\(log)"), exportPath: ["volume"]) }
    }

    /// Where it tells its metrics, which it says in its log.
    func metricsAddress() async throws -> String {
        var port: Substring?
        try await eventually("lines about metrics in the log") {
            port = log.firstMatch(of: /127\.0\.0\.1:([0-9]+).*metrics are served/)?.1
            return port != nil
        }
        return "http://127.0.0.1:\(port ?? "")"
    }

    // MARK: gRPC

    /// Calls a method of Longhorn's service.
    func call(_ method: String) async throws {
        if method == "FilesystemTrim" {
            try await call(method, FilesystemTrimRequest())
        } else {
            try await call(method, Google_Protobuf_Empty())
        }
    }

    private func call<Request: Message>(_ method: String, _ request: Request) async throws {
        try await withClient { client in
            try await client.unary(
                request: ClientRequest(message: request),
                descriptor: MethodDescriptor(fullyQualifiedService: "ShareManagerService", method: method),
                serializer: ProtobufSerializer<Request>(), deserializer: ProtobufDeserializer<Google_Protobuf_Empty>(), options: .defaults
            ) { _ = try $0.message }
        }
    }

    /// What grpc.health.v1 says.
    func health() async throws -> Grpc_Health_V1_HealthCheckResponse.ServingStatus {
        try await withClient { client in
            try await client.unary(
                request: ClientRequest(message: Grpc_Health_V1_HealthCheckRequest()),
                descriptor: MethodDescriptor(fullyQualifiedService: "grpc.health.v1.Health", method: "Check"),
                serializer: ProtobufSerializer<Grpc_Health_V1_HealthCheckRequest>(),
                deserializer: ProtobufDeserializer<Grpc_Health_V1_HealthCheckResponse>(), options: .defaults
            ) { try $0.message.status }
        }
    }

    private func withClient<Result: Sendable>(
        _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        var port: Int?
        try await eventually("lines about gRPC in the log") {
            port = log.split(separator: "\n").first { $0.contains("gRPC is served") }
                .flatMap { $0.firstMatch(of: /127\.0\.0\.1:([0-9]+)/) }.flatMap { Int($0.1) }
            return port != nil
        }
        return try await withGRPCClient(
            transport: .http2NIOPosix(target: .ipv4(address: "127.0.0.1", port: port!), transportSecurity: .plaintext), handleClient: body)
    }
}
