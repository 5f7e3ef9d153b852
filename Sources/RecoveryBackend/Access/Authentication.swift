import Hummingbird

/// Answers 401 and nothing else to whoever presents none of the tokens. The two health checks, which tell nothing but
/// their status, are open: those who ask have no token.
struct Authentication: RouterMiddleware {
    typealias Context = RecoveryRequestContext

    static let openPaths: Set<String> = ["/healthz", "/readyz"]
    private static let scheme = "Bearer "

    let tokens: TokenFile

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let presented = request.headers[.authorization] ?? ""
        let isAccepted =
            presented.prefix(Self.scheme.count).lowercased() == Self.scheme.lowercased()
            && tokens.accepts(presented.dropFirst(Self.scheme.count))
        guard isAccepted || Self.openPaths.contains(request.uri.path) else {
            return Response(status: .unauthorized, headers: [.wwwAuthenticate: "Bearer"])
        }
        return try await next(request, context)
    }
}
