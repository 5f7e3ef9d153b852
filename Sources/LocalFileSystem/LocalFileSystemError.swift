/// Why a directory cannot be served, and what to do about it.
package struct LocalFileSystemError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
