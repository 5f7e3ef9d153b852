import RecoveryBackend
import Testing

@Suite struct RecoveryVersionTests {
    @Test func freshVersionsHaveTheFormAndDiffer() {
        var generator = SeededGenerator(seed: 3)
        let versions = (0..<1000).map { _ in RecoveryVersion(using: &generator) }
        #expect(versions.allSatisfy { RecoveryVersion(rawValue: $0.rawValue) == $0 })
        #expect(Set(versions).count == versions.count)
        #expect(Set(versions.joined(separator: "")).count == 36)
    }

    @Test func theGeneratorDecidesTheVersion() {
        var (one, other) = (SeededGenerator(seed: 4), SeededGenerator(seed: 4))
        #expect(RecoveryVersion(using: &one) == RecoveryVersion(using: &other))
    }

    @Test(arguments: ["", "ABCDEF7", "ABCDEFG89", "abcdefgh", "ABCD EFG", "ABCDÉFG", "ABCDEFG\0"])
    func otherTextIsNoVersion(_ text: String) {
        #expect(RecoveryVersion(rawValue: text) == nil)
    }
}

extension Sequence<RecoveryVersion> {
    fileprivate func joined(separator: String) -> String { map(\.rawValue).joined(separator: separator) }
}

@Suite struct ServerHostnameTests {
    @Test(arguments: ["share-manager-pvc-0b3e", "h", "node_1.example.org", String(repeating: "a", count: 255)])
    func namesAreAccepted(_ name: String) {
        #expect(ServerHostname(rawValue: name)?.rawValue == name)
    }

    @Test(arguments: ["", "a b", "a/b", "a\n", "ü", "a\0", String(repeating: "a", count: 256)])
    func otherTextIsRefused(_ name: String) {
        #expect(ServerHostname(rawValue: name) == nil)
    }
}

@Suite struct RevokedFileHandleTests {
    @Test(arguments: [([0xfb, 0xff, 0xfe], "-__-"), ([0], "AA=="), ([0x14, 0xfb], "FPs=")] as [([UInt8], String)])
    func aHandleIsWrittenInBase64URL(_ handle: [UInt8], _ text: String) {
        #expect(RevokedFileHandle(handle: handle)?.rawValue == text)
    }

    @Test func handlesOfAllLengthsFit() {
        for length in 1...RevokedFileHandle.maximumHandleLength {
            #expect(RevokedFileHandle(handle: [UInt8](repeating: 0xff, count: length)) != nil)
        }
        #expect(RevokedFileHandle(handle: [UInt8](repeating: 0xff, count: RevokedFileHandle.maximumHandleLength + 1)) == nil)
        #expect(RevokedFileHandle(handle: []) == nil)
    }

    @Test(arguments: ["", "a+b", "a/b", "a b", "é"]) func otherTextIsRefused(_ text: String) {
        #expect(RevokedFileHandle(rawValue: text) == nil)
    }
}

@Suite struct ServiceAddressTests {
    @Test(arguments: [
        ("0.0.0.0:9503", "0.0.0.0", 9503), ("[::]:0", "::", 0), ("[fe80::1%eth0]:65535", "fe80::1%eth0", 65535),
        ("localhost:1", "localhost", 1),
    ])
    func addressesAreRead(_ text: String, _ host: String, _ port: Int) {
        let address = ServiceAddress(rawValue: text)
        #expect(address?.host == host)
        #expect(address?.port == port)
        #expect(address?.rawValue == text)
    }

    @Test(arguments: ["", ":", "9503", ":9503", "[]:1", "::1:9503", "host", "host:", "host:65536", "host:-1", "host:1x"])
    func otherTextIsRefused(_ text: String) {
        #expect(ServiceAddress(rawValue: text) == nil)
    }
}
