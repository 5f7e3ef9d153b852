import Glibc

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address, which is how a socket that listens on `[::]` names an IPv4
/// client, is the IPv4 address it stands for.
package struct IPAddress: Hashable, Sendable {
    /// The 4 or 16 bytes of the address in network order.
    package let bytes: [UInt8]

    /// The address in `bytes`, in network order; nil unless there are 4 or 16 of them.
    package init?(bytes: some Collection<UInt8>) {
        let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
        switch bytes.count {
        case 4: self.bytes = Array(bytes)
        case 16: self.bytes = bytes.starts(with: mapped) ? Array(bytes.suffix(4)) : Array(bytes)
        default: return nil
        }
    }

    /// The numeric address in `text`; nil for anything else, host names and scoped addresses included.
    package init?(_ text: String) {
        let family = text.contains(":") ? AF_INET6 : AF_INET
        var bytes = [UInt8](repeating: 0, count: family == AF_INET6 ? 16 : 4)
        guard !text.utf8.contains(0), inet_pton(family, text, &bytes) == 1 else { return nil }
        self.init(bytes: bytes)
    }

    /// AF_INET or AF_INET6.
    package var family: Int32 {
        bytes.count == 4 ? AF_INET : AF_INET6
    }

    /// The number of bits of the address, 32 or 128.
    package var bitWidth: Int {
        bytes.count * 8
    }

    /// The address with all bits behind the first `length` set to zero.
    func masked(to length: Int) -> IPAddress {
        IPAddress(masked: bytes.enumerated().map { index, byte in byte & ~(0xff >> UInt8(clamping: length - 8 * index)) })
    }

    /// The address that differs in one bit, counted from the first.
    func flippingBit(_ index: Int) -> IPAddress {
        IPAddress(masked: bytes.enumerated().map { $0 == index / 8 ? $1 ^ 0x80 >> UInt8(index % 8) : $1 })
    }

    private init(masked bytes: [UInt8]) {
        self.bytes = bytes
    }
}

extension IPAddress: CustomStringConvertible {
    package var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        inet_ntop(family, bytes, &text, socklen_t(text.count))
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
