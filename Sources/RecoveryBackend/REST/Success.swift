import Hummingbird

/// The answer to everything that only has to succeed.
struct Success: ResponseEncodable {}
