import Security
import Testing

@Suite("Kerberos")
struct KerberosTests {
    @Test("is available: the library the server is linked with has the mechanism")
    func available() { #expect(Kerberos.isAvailable) }
}
