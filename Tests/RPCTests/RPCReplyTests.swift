import RPC
import Testing
import XDR

@Suite struct RPCReplyTests {
    /// The words of RFC 5531 §9 behind xid and REPLY.
    static let encodings: [(RPCReply, [UInt32])] = [
        (.success, [0, 0, 0, 0]),
        (.programUnavailable, [0, 0, 0, 1]),
        (.programMismatch(low: 4, high: 5), [0, 0, 0, 2, 4, 5]),
        (.procedureUnavailable, [0, 0, 0, 3]),
        (.garbageArguments, [0, 0, 0, 4]),
        (.systemError, [0, 0, 0, 5]),
        (.rpcMismatch(low: 2, high: 2), [1, 0, 2, 2]),
        (.authError(.badCredential), [1, 1, 1]),
        (.authError(.rejectedCredential), [1, 1, 2]),
        (.authError(.badVerifier), [1, 1, 3]),
        (.authError(.rejectedVerifier), [1, 1, 4]),
        (.authError(.tooWeak), [1, 1, 5]),
        (.authError(.invalidResponse), [1, 1, 6]),
        (.authError(.failed), [1, 1, 7]),
        (.authError(.gssCredentialProblem), [1, 1, 13]),
        (.authError(.gssContextProblem), [1, 1, 14]),
    ]

    @Test(arguments: encodings)
    func theReplyHasItsEncodedForm(reply: RPCReply, words: [UInt32]) {
        var writer = XDRWriter(pool: BufferPool(), startingAt: RecordMark.length, limit: 1024)
        reply.write(to: &writer, xid: 0xCAFE_0001)
        let bytes = writer.bytes(from: RecordMark.length).withUnsafeBytes { Array($0) }
        #expect(bytes == ([0xCAFE_0001, 1] + words).flatMap(word))
        if reply == .success { #expect(bytes.count == RPCReply.successLength) }
    }

    /// Replies to accepted calls have a verifier of the flavor 6, others have none (RFC 2203 §5.3.3.2).
    @Test(arguments: encodings)
    func theReplyCarriesAChecksum(reply: RPCReply, words: [UInt32]) throws {
        var writer = XDRWriter(pool: BufferPool(), limit: 1024)
        let checksum: [UInt8] = [1, 2, 3, 4, 5]
        reply.write(to: &writer, xid: 7, checksum: checksum.span.bytes)
        let bytes = writer.bytes(from: 0).withUnsafeBytes { Array($0) }
        let isAccepted = words[0] == 0
        let verified = [7, 1, 0, 6].flatMap(word) + variable(checksum) + words.dropFirst(3).flatMap(word)
        #expect(bytes == (isAccepted ? verified : ([7, 1] + words).flatMap(word)))
        var reader = XDRReader(bytes.span.bytes)
        let decoded = try RPCReply.decode(from: &reader)
        #expect(decoded.reply == reply)
        #expect(decoded.checksum.map { Array(bytes[$0]) } == (isAccepted ? checksum : nil))
    }

    @Test(arguments: encodings)
    func theEncodedFormIsTheReply(reply: RPCReply, words: [UInt32]) throws {
        let bytes = ([0xCAFE_0001, 1] + words).flatMap(word)
        let withResults = bytes + [9, 9, 9, 9]
        var reader = XDRReader(withResults.span.bytes)
        let decoded = try RPCReply.decode(from: &reader)
        #expect(decoded.reply == reply && decoded.checksum == nil)
        #expect(reader.remaining == 4, "results follow")
        for length in 0..<bytes.count {
            #expect(throws: XDRError.truncated) {
                let short = Array(bytes.prefix(length))
                var reader = XDRReader(short.span.bytes)
                _ = try RPCReply.decode(from: &reader)
            }
        }
    }

    @Test(arguments: [[1, 2], [1, 1, 2, 0], [1, 0, 0, 0, 6], [0, 0, 0, 0, 0]] as [[UInt32]])
    func otherWordsAreNoReply(words: [UInt32]) {
        #expect(throws: XDRError.invalid) {
            let bytes = ([7] + words).flatMap(word)
            var reader = XDRReader(bytes.span.bytes)
            _ = try RPCReply.decode(from: &reader)
        }
    }

    @Test func aVerifierOfAnotherFlavorIsSkippedAndAnUnknownRejectionIsAFailure() throws {
        let verified = [7, 1, 0, 1, 5].flatMap(word) + [1, 2, 3, 4, 5, 0, 0, 0] + word(0)
        var reader = XDRReader(verified.span.bytes)
        let decoded = try RPCReply.decode(from: &reader)
        #expect(decoded.reply == .success && decoded.checksum == nil)
        let unknown = [7, 1, 1, 1, 99].flatMap(word)
        var rejected = XDRReader(unknown.span.bytes)
        #expect(try RPCReply.decode(from: &rejected).reply == .authError(.failed))
    }
}
