import NFSTestClient

/// One slot of a session with a connection of its own, so that requests of several slots are under way at once.
struct Lane: Sendable {
    private let connection: Connection
    private let session: SessionID
    private let slot: UInt32
    private var sequence: UInt32 = 0

    /// - Parameter slot: one that nobody else has used.
    init(of session: TestSession, slot: UInt32) async throws {
        connection = try await newConnection()
        self.session = session.id
        self.slot = slot
    }

    mutating func compound(_ operations: Operation...) async throws -> CompoundReply {
        sequence += 1
        return try await connection.compound([.sequence(session, sequence: sequence, slot: slot)] + operations)
    }
}
