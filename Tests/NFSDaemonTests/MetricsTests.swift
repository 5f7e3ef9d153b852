import NFSDaemon
import NFSServer
import Testing

@Suite("Metrics of the server")
struct MetricsTests {
    @Test("name each client that the grace period waits for, whatever characters it has")
    func missingClients() {
        let client = ServerStatus.ClientStatus(
            id: "1", name: "back", address: "10.0.0.1", opens: 2, locks: 3, silentSeconds: 0, hasState: true, isRecorded: true)
        let status = ServerStatus(
            grace: "open", graceSecondsLeft: 12.5, awaited: ["Linux NFSv4.1 node-c", #"a"b\c"#], clients: [client, client])
        let lines = status.metrics(isBackendInStep: false).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                "remuda_grace 1", "remuda_grace_seconds_left 12.5", #"remuda_grace_missing_client{client="Linux NFSv4.1 node-c"} 1"#,
                #"remuda_grace_missing_client{client="a\"b\\c"} 1"#, "remuda_recovery_backend_in_step 0", "remuda_clients 2",
                "remuda_opens 4", "remuda_locks 6",
            ])
    }

    @Test("each has its meaning and its kind in front of it")
    func descriptions() {
        let text = ServerStatus(grace: "over", graceSecondsLeft: 0, awaited: [], clients: []).metrics(isBackendInStep: nil)
        #expect(
            text.hasPrefix(
                "# HELP remuda_grace 1 until the grace period after a restart is over.\n# TYPE remuda_grace gauge\nremuda_grace 0\n"))
        #expect(!text.contains("remuda_recovery_backend_in_step"))
    }
}
