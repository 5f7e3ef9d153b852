import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// Connections over TLS, each with the certificates that are in the files when it begins.
struct TLSConnections<Base: ServerChildChannel>: ServerChildChannel {
    let base: Base
    let context: CurrentTLS<NIOSSLContext>

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context.value))
        }.flatMap {
            base.setup(channel: channel, logger: logger)
        }
    }

    func handle(value: Base.Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
