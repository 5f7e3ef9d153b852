import FileSystem
import Foundation
import LocalFileSystem
import MemoryFileSystem
import NFSProtocol
import Testing

/// The file systems the contract of `FileSystem` is tested on.
enum Kind: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case local, localDurable, memory

    var testDescription: String { rawValue }
}

/// Without the superuser's rights a local file system does not act as its callers.
let isSuperuser = geteuid() == 0
let needsSuperuser: Comment = "needs the superuser's rights: run the tests as root"

/// Runs `body` on a fresh, empty file system.
func withFileSystem(_ kind: Kind, _ body: (any FileSystem) throws -> Void) throws {
    guard kind != .memory else { return try body(MemoryFileSystem()) }
    try withLocalFileSystem(durableMetadata: kind == .localDurable) { fileSystem, _ in try body(fileSystem) }
}

/// Runs `body` on a fresh directory below the first of the usual places whose file system knows filehandles.
func withLocalFileSystem(
    durableMetadata: Bool = false, descriptorLimit: Int = 1000, cacheMemory: CacheMemory = CacheMemory(limit: 16 << 20),
    isMemoryShort: @escaping @Sendable () -> Bool = { false },
    _ body: (LocalFileSystem, _ path: String) throws -> Void
) throws {
    // The threads of the test runner are shared: none may go on acting as a test's caller.
    defer { LocalFileSystem.actAsSuperuser() }
    LocalFileSystem.actAsSuperuser()
    var failure: (any Error)?
    for place in [NSTemporaryDirectory(), "/var/tmp", "/dev/shm"] {
        let path = "\(place)/filesystem-tests-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        defer {
            LocalFileSystem.actAsSuperuser()
            try? FileManager.default.removeItem(atPath: path)
        }
        let fileSystem: LocalFileSystem
        do {
            fileSystem = try LocalFileSystem(
                path: path, durableMetadata: durableMetadata, descriptorLimit: descriptorLimit, cacheMemory: cacheMemory,
                isMemoryShort: isMemoryShort)
        } catch {
            failure = error
            continue
        }
        return try body(fileSystem, path)
    }
    throw try #require(failure)
}

extension Caller {
    static let root = Caller(.superuser, mayBlock: true)
    static let rootAtOnce = Caller(.superuser, mayBlock: false)

    static func user(_ id: UInt32, groups: [UInt32] = []) -> Caller {
        Caller(Credentials(uid: id, gid: id, groups: groups), mayBlock: true)
    }
}

func name(_ text: String) throws -> FileName { try FileName(validating: text) }

extension Node {
    @discardableResult
    func make(_ text: String, _ object: NewObject = .regular, mode: UInt32? = nil, _ caller: Caller = .root) throws -> any Node {
        try create(name(text), object, AttributeChanges(mode: mode), caller).node
    }

    func find(_ text: String, _ caller: Caller = .root) throws -> any Node { try lookup(name(text), caller) }

    /// The names in this directory, with their cookies, in batches of `batch`.
    func list(batch: Int = .max, _ caller: Caller = .root, between: () throws -> Void = {}) throws -> [(name: String, cookie: UInt64)] {
        var listed: [(name: String, cookie: UInt64)] = []
        while true {
            var count = 0
            let atEnd = try entries(after: listed.last?.cookie ?? 0, caller) { entry, _ throws(NFSStatus) in
                guard count < batch else { return false }
                count += 1
                listed.append((entry.name.text, entry.cookie))
                return true
            }
            if atEnd { return listed }
            try between()
        }
    }

    /// What a listing of this directory finds behind the entry `text`.
    func glimpse(_ text: String, _ caller: Caller = .root) throws -> (node: any Node, attributes: FileAttributes) {
        var found: (node: any Node, attributes: FileAttributes)?
        _ = try entries(after: 0, caller) { entry, glimpse throws(NFSStatus) in
            if entry.name.text == text { found = try glimpse() }
            return found == nil
        }
        guard let found else { throw NFSStatus.noent }
        return found
    }

    /// The number a listing of this directory has for an entry.
    func fileID(of text: String) throws -> UInt64? {
        var found: UInt64?
        _ = try entries(after: 0, .root) { entry, _ throws(NFSStatus) in
            if entry.name.text == text { found = entry.fileID }
            return found == nil
        }
        return found
    }

    func names(_ caller: Caller = .root) throws -> [String] { try list(caller).map(\.name).sorted() }

    func attributes() throws -> FileAttributes { try attributes(.root) }
}

extension FileName {
    var text: String { withBytes { bytes in bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } } }
}

extension OpenFile {
    @discardableResult
    func write(_ bytes: [UInt8], at offset: UInt64 = 0) throws -> Int {
        try write(bytes.span.bytes, at: offset, mayBlock: true)
    }

    func writeDurably(_ bytes: [UInt8], at offset: UInt64) throws {
        try write(bytes, at: offset)
        try commit(mayBlock: true)
    }

    func read(_ count: Int, at offset: UInt64 = 0, mayBlock: Bool = true) throws -> (bytes: [UInt8], atEnd: Bool) {
        var atEnd = false
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            let result = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset, mayBlock: mayBlock)
            atEnd = result.atEnd
            initialized = result.count
        }
        return (bytes, atEnd)
    }
}

/// A generator whose numbers are the same in every run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
