import NFSTestClient

/// Why this server never answers a status, whatever the operation. The reasons of single operations stand with their tests.
enum Reasons {
    static func reason(_ operation: OperationCode, _ status: Status) -> String? {
        if operation == .illegal { return "its number is enough to refuse it: nothing behind it is read" }
        if !operation.isOffered { return "the operation is not offered: it answers NFS4ERR_NOTSUPP whatever it is asked" }
        return everywhere[status] ?? (operation == .sequence ? nil : bySequence[status])
    }

    private static let everywhere: [Status: String] = [
        .deadSession: "a session ends at once, and is unknown from then on: NFS4ERR_BADSESSION",
        .moved: "file systems stay where they are",
        .fhExpired: "filehandles are persistent (§4.2.2)",
        .delay: "what has to wait for a device or for the record of clients waits in the server (docs/ARCHITECTURE.md)",
        .serverFault: "every failure known has a status of its own",
        .delegRevoked: "no delegations are given",
        .wrongCred: "a client may have only its record and its sessions protected, else state belongs to whoever names it (§18.35.3)",
        .unsafeCompound: "no two operations of a compound contradict each other here",
        .unknownLayoutType: "no attribute of pNFS is supported: NFS4ERR_ATTRNOTSUPP",
    ]

    /// Statuses of a request as a whole, which SEQUENCE answers before any other operation is looked at.
    private static let bySequence: [Status: String] = [
        .reqTooBig: "SEQUENCE answers it for the whole request",
        .tooManyOps: "SEQUENCE answers it for the whole request",
    ]
}
