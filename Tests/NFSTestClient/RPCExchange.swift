/// The way a message takes to a server: a socket, or a call into an engine in the same process.
package protocol RPCExchange: Sendable {
    /// Delivers one call message and returns the reply message to it, both without record marking.
    func exchange(_ call: [UInt8]) async throws -> [UInt8]

    func close() async
}
