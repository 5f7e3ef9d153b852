import ArgumentParser
import Foundation
import NFSDaemon
import NFSServer

/// How commands find the server that runs.
struct AdminOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The admin-socket of the server (REMUDA_ADMIN_SOCKET).", valueName: "PATH"))
    var adminSocket: String?

    @Flag(help: "Print JSON.")
    var json = false

    var client: AdminClient {
        get throws {
            guard let path = adminSocket ?? ProcessInfo.processInfo.environment[Setting.adminSocket.variable], !path.isEmpty else {
                throw ValidationError("give --admin-socket or set \(Setting.adminSocket.variable) to what the server has")
            }
            return AdminClient(socketPath: path)
        }
    }
}

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "Show what the running server is doing.")

    @OptionGroup var options: AdminOptions

    func run() async throws {
        let client = try options.client
        try await NFSServerCommand.reportingProblems {
            let status = try await client.status()
            print(options.json ? String(decoding: status, as: UTF8.self) : try ServerStatus(json: status).text)
        }
    }
}

struct EvictCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evict", abstract: "Take all opens and locks from a client, and do not wait for it to reclaim others.")

    @OptionGroup var options: AdminOptions

    @Argument(help: ArgumentHelp("The name of the client, as status shows it.", valueName: "CLIENT"))
    var name: String

    func run() async throws {
        let client = try options.client
        try await NFSServerCommand.reportingProblems {
            let isThere = try await client.evict(name)
            if options.json { print("{\"evicted\": \(isThere)}") }
            if !isThere { throw ValidationError("there is no client \(name): see nfs-server status") }
        }
    }
}

struct EndGraceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "end-grace", abstract: "End the grace period: the clients that are missing lose what they held.")

    @OptionGroup var options: AdminOptions

    func run() async throws {
        let client = try options.client
        try await NFSServerCommand.reportingProblems {
            let dead = try await client.endGrace()
            guard !options.json else { return print(String(decoding: dead, as: UTF8.self)) }
            for name in try JSONDecoder().decode([String].self, from: dead) { print("not waited for any more: \(name)") }
        }
    }
}
