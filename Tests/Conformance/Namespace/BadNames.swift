import NFSTestClient

/// Names no entry can have, and what an operation says of them (RFC 8881 §14.5, §15.1.7).
enum BadNames {
    static let all: [(name: String, status: Status)] = [
        ("", .inval), (".", .badName), ("..", .badName), ("a/b", .badChar), ("/", .badChar), ("a\0b", .badChar), ("\0", .badChar),
        (String(repeating: "n", count: 256), .nameTooLong), (String(repeating: "n", count: 5000), .nameTooLong),
    ]
}
