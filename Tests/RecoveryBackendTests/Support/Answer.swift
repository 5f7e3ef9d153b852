import Foundation
import RecoveryBackend
import Testing

/// An HTTP answer taken apart by hand.
struct Answer {
    let status: Int
    /// The status line and the headers, in lower case.
    let head: String
    let body: String

    init(_ text: String) throws {
        let end = try #require(text.range(of: "\r\n\r\n"))
        head = text[..<end.lowerBound].lowercased()
        status = try #require(Int(head.split(separator: " ")[1]))
        body = String(text[end.upperBound...])
    }

    /// Empty when the body is no JSON object.
    var json: [String: Any] {
        (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
    }

    var clients: [String]? { json["clients"] as? [String] }
}
