/// A range of IPv4 or IPv6 addresses in CIDR notation (RFC 4632, RFC 4291 §2.3).
package struct Network: Hashable, Sendable {
    /// The first address of the network; the bits behind the prefix are zero.
    package let address: IPAddress
    /// The number of leading bits an address shares with the network: 0...32 for IPv4, 0...128 for IPv6.
    package let prefixLength: Int

    private init(address: IPAddress, prefixLength: Int) {
        self.address = address
        self.prefixLength = prefixLength
    }

    /// The networks that together hold every address.
    package static let everyone = [[UInt8](repeating: 0, count: 4), [UInt8](repeating: 0, count: 16)]
        .compactMap(IPAddress.init(bytes:)).map { Network(address: $0, prefixLength: 0) }

    /// Whether `candidate` lies in this network. An address of the other family never does.
    package func contains(_ candidate: IPAddress) -> Bool {
        guard candidate.bitWidth == address.bitWidth else { return false }
        let (whole, rest) = prefixLength.quotientAndRemainder(dividingBy: 8)
        guard candidate.bytes.prefix(whole) == address.bytes.prefix(whole) else { return false }
        return rest == 0 || (candidate.bytes[whole] ^ address.bytes[whole]) >> (8 - rest) == 0
    }

    /// Whether every address of `other` lies in this network.
    func contains(_ other: Network) -> Bool { other.prefixLength >= prefixLength && contains(other.address) }

    /// The networks that together hold all addresses of this one but those of `hole`.
    func without(_ hole: Network) -> [Network] {
        if hole.contains(self) { return [] }
        guard contains(hole) else { return [self] }
        // At each step towards the hole, the half that it is not in.
        return (prefixLength + 1...hole.prefixLength).map { length in
            Network(address: hole.address.masked(to: length).flippingBit(length - 1), prefixLength: length)
        }
    }
}

extension Network {
    /// Reads `ADDRESS/LENGTH`, or an address alone for a network of one.
    package init(_ given: GivenValue) throws(ConfigurationError) {
        let parts = given.text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])),
            let length = parts.count == 1 ? address.bitWidth : GivenValue.decimal(parts[1]), (0...address.bitWidth).contains(length)
        else {
            throw given.mistake("must be a network such as 10.0.0.0/8 or fd00::/8")
        }
        let first = address.masked(to: length)
        guard first == address else {
            throw given.mistake("has bits set behind its prefix: write \(first)/\(length) for the network or \(address) for the host")
        }
        self.init(address: address, prefixLength: length)
    }
}

extension Network: CustomStringConvertible {
    package var description: String {
        "\(address)/\(prefixLength)"
    }
}
