/// Why a volume cannot be served; one line that says what to do.
struct ShareError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
