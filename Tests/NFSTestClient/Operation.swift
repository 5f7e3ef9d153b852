/// One nfs_argop4: an operation number and its encoded arguments, right or wrong.
package struct Operation: Sendable {
    package var code: UInt32
    package var arguments: [UInt8]

    package init(code: UInt32, arguments: [UInt8] = []) {
        self.code = code
        self.arguments = arguments
    }

    package init(_ code: OperationCode, _ encode: (inout XDREncoder) -> Void = { _ in }) {
        var encoder = XDREncoder()
        encode(&encoder)
        self.init(code: code.rawValue, arguments: encoder.bytes)
    }
}

// Filehandles and names.
extension Operation {
    package static let putRootFH = Operation(.putRootFH)
    package static let putPubFH = Operation(.putPubFH)
    package static let getFH = Operation(.getFH)
    package static let saveFH = Operation(.saveFH)
    package static let restoreFH = Operation(.restoreFH)
    package static let lookupP = Operation(.lookupP)
    package static let readLink = Operation(.readLink)

    package static func putFH(_ handle: FileHandle) -> Operation { Operation(.putFH) { $0.opaque(handle.bytes) } }

    package static func lookup(_ name: String) -> Operation { lookup(bytes: Array(name.utf8)) }

    package static func lookup(bytes name: [UInt8]) -> Operation { Operation(.lookup) { $0.opaque(name) } }

    package static func link(_ newName: String) -> Operation { link(bytes: Array(newName.utf8)) }

    package static func link(bytes newName: [UInt8]) -> Operation { Operation(.link) { $0.opaque(newName) } }

    package static func remove(_ name: String) -> Operation { remove(bytes: Array(name.utf8)) }

    package static func remove(bytes name: [UInt8]) -> Operation { Operation(.remove) { $0.opaque(name) } }

    package static func rename(_ oldName: String, to newName: String) -> Operation {
        rename(bytes: Array(oldName.utf8), to: Array(newName.utf8))
    }

    package static func rename(bytes oldName: [UInt8], to newName: [UInt8]) -> Operation {
        Operation(.rename) {
            $0.opaque(oldName)
            $0.opaque(newName)
        }
    }

    package enum CreateType: Sendable {
        case symlink([UInt8])
        case device(FileType, major: UInt32, minor: UInt32)
        /// Any type without data; a regular file is an error, and any other number too.
        case plain(UInt32)

        package static let directory = CreateType.plain(FileType.directory.rawValue)
        package static let fifo = CreateType.plain(FileType.fifo.rawValue)
        package static let socket = CreateType.plain(FileType.socket.rawValue)
        package static func symlink(to target: String) -> CreateType { .symlink(Array(target.utf8)) }
    }

    package static func create(_ type: CreateType, _ name: String, _ attributes: FileAttributes = .none) -> Operation {
        create(type, bytes: Array(name.utf8), attributes)
    }

    package static func create(_ type: CreateType, bytes name: [UInt8], _ attributes: FileAttributes = .none) -> Operation {
        Operation(.create) {
            switch type {
            case .symlink(let target):
                $0.uint32(FileType.symlink.rawValue)
                $0.opaque(target)
            case .device(let type, let major, let minor):
                $0.uint32(type.rawValue)
                $0.uint32(major)
                $0.uint32(minor)
            case .plain(let type): $0.uint32(type)
            }
            $0.opaque(name)
            $0.attributes(attributes)
        }
    }

    package static func readDir(
        cookie: UInt64 = 0, verifier: Verifier = .zero, dirCount: UInt32 = 8192, maxCount: UInt32 = 32768, _ attributes: AttributeSet = []
    ) -> Operation {
        Operation(.readDir) {
            $0.uint64(cookie)
            $0.fixed(verifier.bytes)
            $0.uint32(dirCount)
            $0.uint32(maxCount)
            $0.attributeSet(attributes)
        }
    }

    package static func secInfo(_ name: String) -> Operation { secInfo(bytes: Array(name.utf8)) }

    package static func secInfo(bytes name: [UInt8]) -> Operation { Operation(.secInfo) { $0.opaque(name) } }

    /// `style` 0 is the current filehandle, 1 its parent.
    package static func secInfoNoName(style: UInt32 = 0) -> Operation { Operation(.secInfoNoName) { $0.uint32(style) } }
}

// Attributes.
extension Operation {
    package static func access(_ bits: AccessBits) -> Operation { Operation(.access) { $0.uint32(bits.rawValue) } }

    package static func getAttr(_ attributes: AttributeSet) -> Operation { Operation(.getAttr) { $0.attributeSet(attributes) } }

    package static func setAttr(_ attributes: FileAttributes, stateID: StateID = .anonymous) -> Operation {
        Operation(.setAttr) {
            $0.stateID(stateID)
            $0.attributes(attributes)
        }
    }

    package static func verify(_ attributes: FileAttributes) -> Operation { Operation(.verify) { $0.attributes(attributes) } }

    package static func nVerify(_ attributes: FileAttributes) -> Operation { Operation(.nVerify) { $0.attributes(attributes) } }

    package static func openAttr(create: Bool) -> Operation { Operation(.openAttr) { $0.bool(create) } }
}

// Data.
extension Operation {
    package static func read(_ stateID: StateID = .anonymous, offset: UInt64 = 0, count: UInt32) -> Operation {
        Operation(.read) {
            $0.stateID(stateID)
            $0.uint64(offset)
            $0.uint32(count)
        }
    }

    package static func write(
        _ stateID: StateID, offset: UInt64 = 0, _ data: [UInt8], _ stable: StableHow = .unstable
    ) -> Operation {
        Operation(.write) {
            $0.stateID(stateID)
            $0.uint64(offset)
            $0.uint32(stable.rawValue)
            $0.opaque(data)
        }
    }

    package static func commit(offset: UInt64 = 0, count: UInt32 = 0) -> Operation {
        Operation(.commit) {
            $0.uint64(offset)
            $0.uint32(count)
        }
    }
}
