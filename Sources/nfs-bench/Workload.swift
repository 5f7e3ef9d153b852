import ArgumentParser

/// What clients do over and over. One operation may take several requests.
enum Workload: String, CaseIterable, ExpressibleByArgument, Codable {
    case null
    case sequence
    case getattr
    case accessLookup = "access-lookup"
    case read4k
    case read64k
    case read1m
    case write4k
    case write64k
    case write1m
    case writesync4k
    case createremove
    case openclose
    case lockunlock
    case readdir
    case mixed

    var meaning: String {
        switch self {
        case .null: "a call of procedure 0, without NFS"
        case .sequence: "SEQUENCE alone"
        case .getattr: "the attributes Linux asks for, of 1,000 files in turn"
        case .accessLookup: "a name looked up as Linux does, 1,000 in turn"
        case .read4k, .read64k, .read1m: "READ of so much of a cached file of 128 MiB, in order"
        case .write4k, .write64k, .write1m: "unstable WRITE over 128 MiB for each connection, or its part of a GiB, with COMMIT at the end"
        case .writesync4k: "stable WRITE"
        case .createremove: "OPEN that creates, CLOSE, REMOVE"
        case .openclose: "OPEN, CLOSE"
        case .lockunlock: "LOCK, LOCKU"
        case .readdir: "a directory of 1,000 entries read with attributes"
        case .mixed: "35% GETATTR, 35% LOOKUP, 20% READ and 10% WRITE of 4 KiB"
        }
    }

    /// Bytes of one READ or WRITE; 0 where there is none.
    var blockSize: Int {
        switch self {
        case .read4k, .write4k, .writesync4k, .mixed: 4096
        case .read64k, .write64k: 65536
        case .read1m, .write1m: 1 << 20
        default: 0
        }
    }

    var usesFiles: Bool { [.getattr, .accessLookup, .openclose, .readdir, .mixed].contains(self) }
    var reads: Bool { [.read4k, .read64k, .read1m, .mixed].contains(self) }
    var writes: Bool { [.write4k, .write64k, .write1m, .writesync4k, .mixed].contains(self) }
    /// What was written must be committed before the time stops.
    var commits: Bool { writes && self != .writesync4k }
}

/// How many clients ask at a time, and how long.
struct Load: Codable, Sendable {
    var connections: Int
    var slots: Int
    var seconds: Double
}
