import ArgumentParser
import Glibc

struct UnlinkedOpenFile: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Go on using a file whose last name is gone.")

    @Argument var path: String

    func run() throws {
        let file = try File(path, O_RDWR | O_CREAT | O_EXCL)
        try file.write(Array("before".utf8), at: 0)
        try file.sync()
        try check(unlink(path), "unlink \(path)")
        guard !exists(path) else { throw Failure("\(path) is still there after unlink") }
        try file.write(Array("and after".utf8), at: 6)
        try emptyClientCaches()
        guard try file.read(100, at: 0) == Array("beforeand after".utf8) else { throw Failure("an unlinked open file lost bytes") }
    }
}
