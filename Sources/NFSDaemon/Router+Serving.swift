import Hummingbird
import HummingbirdCore
import Logging

extension Router<BasicRequestContext> {
    /// Serves until the task is cancelled, as an Application of Hummingbird's does but for the date in its responses, for which
    /// that wakes up every second.
    /// - Parameter onServing: called when the server listens, with the TCP port.
    func serve(on address: BindAddress, log: Logger, onServing: @escaping @Sendable (_ port: Int?) -> Void) async throws {
        let responder = buildResponder()
        // It calls it an error that a connection ends with the server.
        var libraryLog = log
        libraryLog.logLevel = .critical
        let service = try HTTPServerBuilder.http1().buildServer(
            configuration: HummingbirdCore.ServerConfiguration(address: address),
            eventLoopGroup: EventLoopGroupProvider.singleton.eventLoopGroup, logger: libraryLog
        ) { request, writer, channel in
            let context = BasicRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: log))
            let response: Response
            do {
                response = try await responder.respond(to: request, context: context)
            } catch {
                log.error("cannot answer a request over HTTP", metadata: ["error": "\(error)"])
                response = Response(status: .internalServerError)
            }
            try await writer.write(response: response.head, body: response.body)
        } onServerRunning: { channel in
            onServing(channel.localAddress?.port)
        }
        try await service.run()
    }
}
