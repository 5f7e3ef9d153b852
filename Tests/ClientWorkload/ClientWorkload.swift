import ArgumentParser

/// What a user's program does on a mounted volume, run inside a client by the real-client tests.
///
/// Every subcommand ends with status 0 when the file system behaved, and otherwise says on standard error what it did not do.
@main
struct ClientWorkload: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client-workload",
        abstract: "File system work whose outcome can be judged, for the tests with real clients.",
        subcommands: [
            RandomOperations.self, WriteDurably.self, VerifyDurable.self, OpenFiles.self,
            HoldLocks.self, TryLock.self, LockRefused.self, FillDirectory.self, ListDirectory.self,
            MappedWrite.self, UnlinkedOpenFile.self, WithholdEndOfGrace.self,
        ])
}
