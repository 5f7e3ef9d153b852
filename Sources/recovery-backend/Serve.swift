import ArgumentParser
import Foundation
import Logging
import NIOCore
import NIOPosix
import RecoveryBackend
import ServiceLifecycle
import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the records over HTTP until SIGTERM or SIGINT.",
        discussion: "Prints one line 'ready ADDRESS:PORT' to standard output when it can serve. Logs to standard error.")

    @Option(
        help: ArgumentHelp("The address and port to listen on; port 0 takes a free one.", valueName: "address:port"),
        transform: { text in
            guard let address = ServiceAddress(rawValue: text) else { throw ValidationError("give ADDRESS:PORT, such as 0.0.0.0:9503") }
            return address
        })
    var listen = ServiceAddress(host: "0.0.0.0", port: 9503)

    @OptionGroup var storeOptions: StoreOptions

    @Option(help: "A file with bearer tokens, one on each line; everybody has to present one of them.")
    var tokenFile: String?

    @Option(help: "The certificate to serve HTTPS with, PEM.")
    var tlsCertificate: String?

    @Option(help: "The key of that certificate, PEM.")
    var tlsKey: String?

    @Option(help: "Certificates of the authorities that name clients, PEM; everybody has to present a certificate of theirs.")
    var tlsClientCA: String?

    @Option(help: ArgumentHelp("Forget versions never put in force after this many hours.", valueName: "hours"))
    var forgetPending = 24

    @Option(help: ArgumentHelp("Forget hosts of which nothing was heard for this many hours; never when not given.", valueName: "hours"))
    var forgetUnseen: Int?

    @Option(help: ArgumentHelp("The least severe messages that are logged.", valueName: "level"))
    var logLevel = Logger.Level.info

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "recovery-backend")
        logger.logLevel = logLevel

        let tokens = try tokenFile.map { try TokenFile(path: $0) }
        let tls = TLSFiles(authority: tlsClientCA, certificate: tlsCertificate, key: tlsKey)
        let collection = GarbageCollection(pendingHours: forgetPending, unseenHours: forgetUnseen)
        try collection.validate()
        let store = try storeOptions.open()
        // One thread: a request is a few system calls, and the store does them one after another.
        let eventLoopGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let application = try RecoveryService(store: store, tokens: tokens).application(
            listeningOn: listen, tls: tls, eventLoopGroup: eventLoopGroup, logger: logger
        ) { address in
            print("ready \(address)")
            fflush(nil)
        }
        var group = ServiceGroupConfiguration(
            services: [application, RepeatedGarbageCollection(collection, on: store, logger: logger)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // A client that holds a connection open does not hold up the end.
        group.maximumGracefulShutdownDuration = .seconds(3)
        let end: (any Error)?
        do {
            try await ServiceGroup(configuration: group).run()
            end = nil
        } catch {
            end = error
        }
        await store.close()
        if let end { throw RecoveryError.unavailable("cannot listen on \(listen): \(reason(end)): choose another --listen ADDRESS:PORT") }
    }

    private func reason(_ error: any Error) -> String {
        (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
    }
}

extension Logger.Level: @retroactive ExpressibleByArgument {}
