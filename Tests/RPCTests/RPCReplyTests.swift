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
}
