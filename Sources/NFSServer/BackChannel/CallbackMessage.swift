import RPC
import RPCSecurity
import XDR

/// A call to a client but for its xid.
struct CallbackMessage: Sendable {
    /// Of cb_program (RFC 8881 §18.36.3).
    private static let version: UInt32 = 4
    /// Bytes no message is longer than: an operation names a file and an owner, each of bounded length.
    static let maximumLength = 4096

    let program: UInt32
    let credential: CallbackCredential
    /// Nil for CB_NULL.
    let compound: CallbackCompound?

    private var procedure: UInt32 { compound == nil ? 0 : 1 }

    /// - Parameter call: in the context of the credential, if it is one.
    /// - Returns: false when the context does not serve any more.
    func write(to message: inout XDRWriter, xid: UInt32, in call: GSSBackCall?) -> Bool {
        if case .plain(let flavor, let body) = credential {
            RPCCall.write(
                to: &message, xid: xid, program: program, version: Self.version, procedure: procedure, flavor: flavor, credential: body)
            compound?.encode(to: &message)
            return true
        }
        return call?.write(to: &message, xid: xid, program: program, version: Self.version, procedure: procedure) { message in
            compound?.encode(to: &message)
        } ?? false
    }
}
