import Hummingbird

/// Gives every failure the form that Longhorn's own backend gives it.
struct FailureResponses: RouterMiddleware {
    typealias Context = RecoveryRequestContext

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let (status, code, message): (HTTPResponse.Status, String, String)
        do {
            return try await next(request, context)
        } catch let error as RecoveryError {
            (status, code, message) = (error.status, error.code.rawValue, error.description)
        } catch let error as HTTPError where error.status == .notFound {
            (status, code, message) = (.notFound, "NotFound", "there is no \(request.method) \(request.uri.path)")
        } catch let error as HTTPError where error.status == .badRequest {
            (status, code, message) = (.badRequest, Failure.Code.malformed.rawValue, error.body ?? "the request cannot be understood")
        } catch let error as any HTTPResponseError {
            (status, code, message) = (error.status, error.status.reasonPhrase, error.status.reasonPhrase)
        } catch {
            (status, code, message) = (.internalServerError, "InternalError", "\(error)")
        }
        context.logger.log(
            level: status.kind == .serverError ? .error : .notice, "\(request.method) \(request.uri.path) failed: \(message)")
        let failure = Failure(code: code, message: message, status: UInt(status.code))
        var response = try context.responseEncoder.encode(failure, from: request, context: context)
        response.status = status
        return response
    }
}

extension RecoveryError {
    var status: HTTPResponse.Status {
        switch self {
        case .unknownHost, .unknownVersion, .unknownClient: .notFound
        case .superseded: .conflict
        case .malformed: .badRequest
        case .unavailable: .serviceUnavailable
        case .full: .init(code: 507, reasonPhrase: "Insufficient Storage")
        case .refused: .badGateway
        }
    }

    var code: Failure.Code {
        switch self {
        case .unknownHost: .unknownHost
        case .unknownVersion: .unknownVersion
        case .unknownClient: .unknownClient
        case .superseded: .superseded
        case .malformed: .malformed
        case .unavailable: .unavailable
        case .full: .full
        case .refused: .refused
        }
    }
}
