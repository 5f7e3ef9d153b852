import NFSProtocol

/// Who is to be told, by CB_NOTIFY_LOCK, that a lock it was denied may be had now (RFC 8881 §20.11).
package struct LockWaiter: Sendable {
    package let client: Client
    package let file: FileHandle
    package let owner: [UInt8]

    package init(client: Client, file: FileHandle, owner: [UInt8]) {
        self.client = client
        self.file = file
        self.owner = owner
    }
}
