import ArgumentParser

@main
struct RecoveryBackendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery-backend",
        abstract: "Keeps the lists of clients that may reclaim their files and locks from a restarted NFS server.",
        subcommands: [Serve.self])
}
