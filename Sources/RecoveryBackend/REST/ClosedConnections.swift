import Hummingbird

/// Says in the answer that the connection ends, to those that asked for it: without that a client takes the end for a failure
/// of its next request (RFC 9112 section 9.6).
struct ClosedConnections: RouterMiddleware {
    typealias Context = RecoveryRequestContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        if request.headers[.connection] == "close" { response.headers[.connection] = "close" }
        return response
    }
}
