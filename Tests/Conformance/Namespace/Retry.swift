import NFSTestClient
import Testing

extension TestSession {
    /// Sends a compound, all of which must succeed, and then the same again, as a client does whose connection broke before
    /// the reply came: what it changes must be changed once, and answered the same twice (RFC 8881 §2.10.6).
    @discardableResult
    func runAndRetry(_ operations: Operation...) async throws -> CompoundReply {
        let request = [nextSequence(cacheThis: true)] + operations
        let first = try await connection.compound(request).succeeded()
        advance()
        #expect(try await connection.compound(request).bytes == first.bytes)
        return first
    }
}
