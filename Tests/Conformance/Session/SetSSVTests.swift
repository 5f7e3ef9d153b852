import ConformanceRecord
import NFSTestClient
import Testing

@Suite(
    "SET_SSV (RFC 8881 §18.47)",
    .covers(
        .setSSV,
        never: [
            .ok: "EXCHANGE_ID does not agree on an SSV",
            .badSessionDigest: "no digest is looked at: no client has an SSV",
        ]))
struct SetSSVTests {
    @Test("a client without SP4_SSV may not send it: INVAL")
    func withoutSSV() async throws {
        #expect(try await newSession().compound(.setSSV()).outcome == Outcome(.setSSV, .inval))
    }
}
