/// A table contradicts itself: thrown by `checkInvariants`, which tests call after each step.
package struct InvariantViolation: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}

func require(_ condition: Bool, _ description: @autoclosure () -> String) throws(InvariantViolation) {
    if !condition { throw InvariantViolation(description()) }
}
