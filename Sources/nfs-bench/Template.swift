import NFSTestClient

/// An encoded call of which only a few words change from one request to the next.
struct Template {
    private let bytes: [UInt8]
    /// Where the arguments of each operation begin, SEQUENCE in front.
    private let arguments: [Int]

    /// SEQUENCE and the operations.
    /// - Parameter isCached: whether the server is to keep the reply for a retry.
    init(_ session: SessionID, slots: Int, isCached: Bool, _ operations: [Operation]) {
        let sequence = Operation.sequence(session, sequence: 0, highestSlot: UInt32(slots), cacheThis: isCached)
        let all = [sequence] + operations
        let compound = Connection.compoundArguments(all)
        bytes = Self.record(RPCCall(xid: 0, arguments: compound))
        var place = bytes.count - compound.count + 12
        arguments = all.map { operation in
            defer { place += 4 + operation.arguments.count }
            return place + 4
        }
    }

    /// Procedure 0.
    static let null = Template(bytes: record(RPCCall(xid: 0, procedure: 0, credential: .none)), arguments: [])

    private init(bytes: [UInt8], arguments: [Int]) {
        self.bytes = bytes
        self.arguments = arguments
    }

    private static func record(_ call: RPCCall) -> [UInt8] { [0, 0, 0, 0] + call.bytes }

    /// Where byte `byte` of the arguments of the operation with this index behind SEQUENCE lies in the request.
    func place(_ operation: Int, byte: Int) -> Int { arguments[operation + 1] + byte }

    /// Lays out a request for a slot.
    @inline(__always)
    func fill(_ slot: UnsafeMutablePointer<Slot>, step: Step) {
        bytes.withUnsafeBytes { slot.pointee.request.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        slot.pointee.length = bytes.count
        slot.pointee.payloadCount = 0
        slot.pointee.step = step
        slot.pointee.sequencePlace = arguments.first ?? 0
    }
}

/// The request that a slot waits to have answered.
enum Step: UInt8 {
    case null, sequence, getattr, lookup, read, write, open, close, remove, lock, unlock, readdir, commit
}

/// A slot of a session and the operation that it is about.
struct Slot {
    static let requestCapacity = 1024

    /// In the session; the first one is used for preparing.
    let number: UInt32
    /// Among those of the connection.
    let index: UInt32
    /// The request with its record mark, without the payload of a WRITE.
    let request: UnsafeMutableRawPointer
    var length = 0
    var payload: UnsafeRawPointer?
    var payloadCount = 0
    /// Where the arguments of SEQUENCE are in it; 0 when it has none.
    var sequencePlace = 0
    var sequence: UInt32 = 0
    var serial: UInt32 = 0
    var xid: UInt32 = 0
    var isAwaited = false
    var step = Step.null
    /// When the operation began, and when a request that was delayed is sent again.
    var begun: UInt64 = 0
    var retry: UInt64 = 0

    var file: Int
    var counter: UInt32 = 0
    var random: UInt64
    var cookie: UInt64 = 0
    var cookieVerifier: UInt64 = 0
    var entries = 0
    /// The slot's lock-owner has a lock stateid.
    var hasLock = false
    var lockState = (UInt64.zero, UInt64.zero)

    init(number: UInt32, index: UInt32, file: Int, seed: UInt64) {
        self.number = number
        self.index = index
        self.file = file
        random = seed
        request = .allocate(byteCount: Self.requestCapacity, alignment: 8)
    }

    @inline(__always)
    mutating func put(_ value: UInt32, at place: Int) { request.storeBytes(of: value.bigEndian, toByteOffset: place, as: UInt32.self) }

    @inline(__always)
    mutating func put(_ value: UInt64, at place: Int) { request.storeBytes(of: value.bigEndian, toByteOffset: place, as: UInt64.self) }

    /// Writes `digits` hexadecimal digits of a number.
    mutating func put(hexadecimal value: UInt32, digits: Int, at place: Int) {
        for digit in 0..<digits {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt32(4 * (digits - 1 - digit))) & 15
            request.storeBytes(of: nibble < 10 ? 48 + nibble : 87 + nibble, toByteOffset: place + digit, as: UInt8.self)
        }
    }

    /// xorshift64.
    mutating func nextRandom() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}
