import NFSProtocol
import XDR

/// DESTROY_CLIENTID: forget a client that holds nothing any more (RFC 8881 §18.50).
struct DestroyClientID: Operation {
    static var code: OperationCode { .destroyClientid }
    static var place: OperationPlace { .inSessionOrAlone }
    private let clientID: ClientID

    init(from request: inout XDRReader) throws(XDRError) {
        clientID = ClientID(rawValue: try request.uint64())
    }

    func execute(in compound: Compound, reply: inout XDRWriter) throws(NFSStatus) {
        // Run again when the name is off the record, so that no restart waits for a client that has left.
        if compound.departed == clientID {
            compound.departed = nil
            return
        }
        let dropped = try compound.server.clients.withLock { clients throws(NFSStatus) in
            try clients.destroyClientID(clientID, principal: compound.principal)
        }
        compound.departed = clientID
        try compound.wait(for: .departure(dropped))
    }
}
