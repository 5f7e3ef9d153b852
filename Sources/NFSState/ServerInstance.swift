import NFSProtocol

/// One run of the server, from start to end. It is part of every name the server gives out, so that a name from an earlier
/// run is never taken for one of this run (RFC 8881 §8.4.2, §2.4).
package struct ServerInstance: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt32

    /// Any number that an earlier run is unlikely to have had. All zeros and all ones are moved by one: stateids that begin
    /// with them would look like special stateids (§8.2.3).
    package init(rawValue: UInt32) { self.rawValue = min(max(rawValue, 1), .max - 1) }
}

extension ClientID {
    init(instance: ServerInstance, counter: UInt32) { self.init(rawValue: UInt64(instance.rawValue) << 32 | UInt64(counter)) }

    /// Whether the run of the server that made this name was `instance`.
    package func isOf(_ instance: ServerInstance) -> Bool { rawValue >> 32 == UInt64(instance.rawValue) }
}

extension StateID.Other {
    /// 32 bits of server instance, 8 of shard, 56 of counter.
    init(instance: ServerInstance, shard: UInt8, counter: UInt64) {
        self.init(
            high: UInt64(instance.rawValue) << 32 | UInt64(shard) << 24 | (counter >> 32) & 0xff_ffff,
            low: UInt32(truncatingIfNeeded: counter))
    }

    /// The shard that made this name, if this server did.
    package var shard: Int { Int(truncatingIfNeeded: high >> 24 & 0xff) }
}
