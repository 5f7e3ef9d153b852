import FileSystem
import MemoryFileSystem
import NFSProtocol
import Testing

/// The same random history on a local file system and on one in memory, which serves as the model: both must answer the same
/// and come to the same tree.
@Suite(.enabled(if: isSuperuser, needsSuperuser)) struct HistoryTests {
    @Test(arguments: (1...12).map { UInt64($0) }) func bothFileSystemsAgree(_ seed: UInt64) throws {
        try withFileSystem(.local) { local in
            let model = MemoryFileSystem()
            for fileSystem in [local, model] as [any FileSystem] {
                try fileSystem.root.setAttributes(AttributeChanges(mode: 0o1777), .root)
            }
            var generator = SeededGenerator(seed: seed)
            for step in 0..<1500 {
                let action = Action(using: &generator)
                let (one, other) = (action.run(on: local), action.run(on: model))
                guard one == other else {
                    Issue.record("seed \(seed), step \(step), \(action): \(one) on disk, \(other) in memory")
                    return
                }
            }
            let (one, other) = (try tree(local.root), try tree(model.root))
            #expect(one == other)
            #expect(!one.isEmpty)
        }
    }

    /// Every path with what is there.
    private func tree(_ directory: any Node, at path: String = "") throws -> [String] {
        try directory.names().flatMap { text -> [String] in
            let node = try directory.find(text)
            let attributes = try node.attributes()
            var line = "\(path)/\(text) \(attributes.type) \(String(attributes.mode, radix: 8)) \(attributes.linkCount)"
            line += " \(attributes.owner) \(attributes.group)"
            switch node.type {
            case .directory: return try [line] + tree(node, at: "\(path)/\(text)")
            case .regular: return [line + " \(try node.open(.read, .root).read(10000).bytes.hashed)"]
            default: return [line]
            }
        }
    }
}

extension [UInt8] {
    fileprivate var hashed: UInt64 { reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 } }
}

/// One step of a history: an operation on names from a small set, so that it often meets what earlier ones left.
private struct Action: CustomStringConvertible {
    private let operation: Operation
    private let path: [String]
    private let otherPath: [String]
    private let name: String
    private let otherName: String
    private let caller: Caller
    private let number: UInt32

    private enum Operation: CaseIterable {
        case makeFile, makeDirectory, makeLink, link, remove, rename, write, truncate, changeMode, changeOwner, list, access, look
    }

    init(using generator: inout SeededGenerator) {
        let directories = ["p", "q"]
        let names = directories + ["a", "b", "c"]
        func path() -> [String] {
            (0..<Int.random(in: 0...2, using: &generator)).map { _ in directories.randomElement(using: &generator)! }
        }
        operation = Operation.allCases.randomElement(using: &generator)!
        self.path = path()
        otherPath = path()
        name = names.randomElement(using: &generator)!
        otherName = names.randomElement(using: &generator)!
        caller = [.root, .root, .user(1000, groups: [2000]), .user(1001, groups: [2000])].randomElement(using: &generator)!
        number = UInt32.random(in: 0..<4096, using: &generator)
    }

    var description: String {
        "\(operation) \(path.joined(separator: "/")) \(name) \(otherPath.joined(separator: "/")) \(otherName) "
            + "by \(caller.credentials.uid), \(String(number, radix: 8))"
    }

    /// - Returns: what came out of it, in words.
    func run(on fileSystem: any FileSystem) -> String {
        do {
            return try perform(on: fileSystem)
        } catch {
            return "\(error)"
        }
    }

    private func perform(on fileSystem: any FileSystem) throws -> String {
        let directory = try path.reduce(fileSystem.root) { try $0.find($1, caller) }
        switch operation {
        case .makeFile: try directory.make(name, .regular, mode: number & 0o777 | 0o600, caller)
        case .makeDirectory: try directory.make(name, .directory, mode: number & 0o3777 | 0o700, caller)
        case .makeLink: try directory.make(name, .symbolicLink(target: Array(otherName.utf8)), caller)
        case .link:
            let source = try otherPath.reduce(fileSystem.root) { try $0.find($1, caller) }.find(otherName, caller)
            // Linux refuses links to what is another's; the model leaves that rule out.
            guard caller.credentials.uid == 0 else { return "left out" }
            return try words(directory.link(source, as: FileName(validating: name), caller))
        case .remove: return try words(directory.remove(FileName(validating: name), caller))
        case .rename:
            let target = try otherPath.reduce(fileSystem.root) { try $0.find($1, caller) }
            let changes = try directory.rename(
                FileName(validating: name), to: target, as: FileName(validating: otherName), caller)
            _ = changes
        case .write:
            let open = try directory.find(name, caller).open(.write, caller)
            return "\(try open.write([UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Int(number % 100)), at: UInt64(number)))"
        case .truncate: try directory.find(name, caller).setAttributes(AttributeChanges(size: UInt64(number)), caller)
        case .changeMode: try directory.find(name, caller).setAttributes(AttributeChanges(mode: number & 0o777 | 0o500), caller)
        case .changeOwner:
            let changes = AttributeChanges(owner: [nil, 1000, 1001][Int(number % 3)], group: [nil, 2000, 1000][Int(number / 3 % 3)])
            try directory.find(name, caller).setAttributes(changes, caller)
        case .list: return try directory.names(caller).joined(separator: " ")
        case .access: return "\(try directory.find(name, caller).access(.all, caller).rawValue)"
        case .look:
            let attributes = try directory.find(name, caller).attributes(caller)
            return "\(attributes.type) \(attributes.mode) \(attributes.linkCount) \(attributes.owner) \(attributes.group)"
                + (attributes.type == .directory ? "" : " \(attributes.size)")
        }
        return "done"
    }

    private func words(_ change: ChangeInfo) -> String { change.before == change.after ? "unchanged" : "changed" }
}
