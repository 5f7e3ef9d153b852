import NFSProtocol

/// The names of the opens and locks of one shard (RFC 8881 §8.2.1).
struct StateNames: Sendable {
    private let instance: ServerInstance
    private let shard: UInt8
    private var counter: UInt64 = 0
    /// For stateids that come without a filehandle (TEST_STATEID, FREE_STATEID).
    private var files: [StateID.Other: FileHandle] = [:]

    init(instance: ServerInstance, shard: UInt8) {
        self.instance = instance
        self.shard = shard
    }

    var count: Int { files.count }

    /// The file of the open or lock with this name.
    subscript(name: StateID.Other) -> FileHandle? { files[name] }

    /// A name no state had before.
    mutating func next(for file: FileHandle) -> StateID.Other {
        counter += 1
        let name = StateID.Other(instance: instance, shard: shard, counter: counter)
        files[name] = file
        return name
    }

    mutating func forget(_ name: StateID.Other) { files[name] = nil }
}
