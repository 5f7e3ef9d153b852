import CLinux
import Glibc

/// A thread that ends when its body does, and that nobody waits for.
package enum DetachedThread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    /// Starts a thread that acts as the user the calling one does.
    /// - Parameter name: as tools show it, at most 15 bytes.
    /// - Returns: 0, or the errno that says why there is none.
    package static func start(_ name: String, _ body: @escaping () -> Void) -> Int32 {
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
        if code == 0 { pthread_detach(thread) } else { retained.release() }
        return code
    }
}
