import CLinux
import Glibc

/// A thread that ends when its body does, and that nobody waits for.
enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// - Parameter name: as tools show it, at most 15 bytes.
    static func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(TransportError) {
        let retained = Unmanaged.passRetained(
            Body {
                clinux_name_thread(name)
                body()
            })
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
                return nil
            }, retained.toOpaque())
        guard code == 0 else {
            retained.release()
            throw .system("start a thread", code)
        }
        pthread_detach(thread)
    }
}
