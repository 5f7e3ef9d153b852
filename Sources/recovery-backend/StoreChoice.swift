import ArgumentParser
import RecoveryBackend

/// Where the records are kept: `sqlite:PATH` or `memory`.
enum StoreChoice: ExpressibleByArgument, CustomStringConvertible {
    case sqlite(path: String)
    case memory

    init?(argument: String) {
        if argument == "memory" {
            self = .memory
        } else if argument.hasPrefix("sqlite:"), argument != "sqlite:" {
            self = .sqlite(path: String(argument.dropFirst("sqlite:".count)))
        } else {
            return nil
        }
    }

    var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .memory: "memory"
        }
    }

    func open() throws(RecoveryError) -> any RecoveryStore {
        switch self {
        case .sqlite(let path): try SQLiteRecoveryStore(path: path)
        case .memory: MemoryRecoveryStore()
        }
    }
}
