/// How the server makes calls to a client: what CREATE_SESSION and BACKCHANNEL_CTL agree on (RFC 8881 §18.33, §18.36.3).
package struct CallbackParameters: Hashable, Sendable {
    /// opaque_auth of the calls (RFC 5531 §8.2).
    package struct Credential: Hashable, Sendable {
        package let flavor: UInt32
        package let body: [UInt8]

        package init(flavor: UInt32, body: [UInt8]) {
            self.flavor = flavor
            self.body = body
        }
    }

    /// cb_program: the RPC program number.
    package let program: UInt32
    /// The first of the credentials the client offered that the server can use. Without one it must not call (§2.10.8.2).
    package let credential: Credential?

    package init(program: UInt32, credential: Credential?) {
        self.program = program
        self.credential = credential
    }
}
