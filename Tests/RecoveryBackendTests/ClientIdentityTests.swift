import RecoveryBackend
import Testing

@Suite struct ClientIdentityTests {
    static let written: [(owner: [UInt8], text: String)] = [
        (Array("Linux NFSv4.1 rancher50-worker1".utf8), "31:Linux NFSv4.1 rancher50-worker1"),
        ([], "0:"),
        (Array("a:b".utf8), "3:a:b"),
        (Array("~ ".utf8), "2:~ "),
        (Array("a/b".utf8), "8:0x612f62"),
        ([0x00, 0x7f, 0xff], "8:0x007fff"),
        (Array("Zürich".utf8), "16:0x5ac3bc72696368"),
        // Printable owners that look like hexadecimal: only one that would read as another owner changes its form.
        (Array("0x".utf8), "2:0x"),
        (Array("0x4142".utf8), "6:0x4142"),
        (Array("0x2f".utf8), "10:0x30783266"),
        (Array("0x2F".utf8), "4:0x2F"),
        (Array("0x30783266".utf8), "22:0x30783330373833323636"),
    ]

    @Test(arguments: written) func anOwnerHasOneText(_ example: (owner: [UInt8], text: String)) throws {
        let identity = try #require(ClientIdentity(owner: example.owner))
        #expect(identity.rawValue == example.text)
        #expect(identity.owner == example.owner)
    }

    @Test(arguments: [
        "", ":", "31", "3:ab", "3:abcd", "03:abc", "+3:abc", "-0:", " 3:abc", "3 :abc", "abc", "99999999999999999999:a", "7:0x612f62",
    ])
    func otherTextHasNoOwner(_ text: String) {
        #expect(ClientIdentity(rawValue: text)?.owner == nil)
    }

    @Test func theLengthOfTheOwnerItselfIsReadInHexadecimalForm() {
        #expect(ClientIdentity(rawValue: "3:0x612f62")?.owner == Array("a/b".utf8))
    }

    @Test func theLongestOwnerFitsAndALongerOneDoesNot() throws {
        let longest = [UInt8](repeating: 0, count: ClientIdentity.maximumOwnerLength)
        let identity = try #require(ClientIdentity(owner: longest))
        #expect(identity.rawValue.utf8.count == ClientIdentity.maximumLength)
        #expect(ClientIdentity(rawValue: identity.rawValue)?.owner == longest)
        #expect(ClientIdentity(owner: longest + [0]) == nil)
        #expect(ClientIdentity(rawValue: "1025:" + String(repeating: "a", count: 1025))?.owner == nil)
        #expect(ClientIdentity(rawValue: String(repeating: "a", count: ClientIdentity.maximumLength + 1)) == nil)
    }

    @Test(arguments: ["a/b", "tab\t", "nul\0", "Zürich", "\u{7f}"]) func textThatIsNoPathComponentIsNoIdentity(_ text: String) {
        #expect(ClientIdentity(rawValue: text) == nil)
    }

    @Test func randomOwnersComeBack() throws {
        var generator = SeededGenerator(seed: 1)
        // Few different bytes, so that owners which look like hexadecimal are frequent.
        let alphabets: [[UInt8]] = [Array(0...255), Array("0x2f/".utf8), Array("0123456789abcdef".utf8)]
        var ownersByText: [String: [UInt8]] = [:]
        for round in 0..<20_000 {
            let alphabet = alphabets[round % alphabets.count]
            let length = Int.random(in: 0...(round % 50 == 0 ? ClientIdentity.maximumOwnerLength : 12), using: &generator)
            var owner = (0..<length).map { _ in alphabet.randomElement(using: &generator)! }
            if round % 2 == 0 { owner = Array(Array("0x".utf8) + owner).prefix(ClientIdentity.maximumOwnerLength).map { $0 } }
            let identity = try #require(ClientIdentity(owner: owner))
            #expect(ClientIdentity(rawValue: identity.rawValue)?.owner == owner)
            #expect(ownersByText.updateValue(owner, forKey: identity.rawValue) ?? owner == owner)
        }
    }

    @Test func randomTextNeverTraps() {
        var generator = SeededGenerator(seed: 2)
        let alphabet = Array("0123456789:0xaf/ \0é".unicodeScalars)
        for _ in 0..<20_000 {
            let scalars = (0..<Int.random(in: 0...16, using: &generator)).map { _ in alphabet.randomElement(using: &generator)! }
            let text = String(String.UnicodeScalarView(scalars))
            if let owner = ClientIdentity(rawValue: text)?.owner {
                #expect(text.hasSuffix(":" + String(decoding: owner, as: UTF8.self)) || text.contains(":0x"))
            }
        }
    }
}
