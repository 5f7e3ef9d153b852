import RecoveryBackend

/// An entry among the clients of a backend's record, that says which journal the record was copied from: backends say nothing
/// else about a record, neither whose nor how old it is.
package struct JournalMarker: Hashable, Sendable {
    package let lineage: String
    package let instance: UInt64

    private static let prefix = ClientIdentity.markerPrefix

    package init(lineage: String, instance: UInt64) {
        self.lineage = lineage
        self.instance = instance
    }

    /// - Returns: nil when `owner` is a client's.
    package init?(_ owner: [UInt8]) {
        guard Self.isReserved(owner) else { return nil }
        let words = String(decoding: owner, as: UTF8.self).split(separator: " ")
        guard words.count == 3, let instance = UInt64(words[2]) else { return nil }
        self.init(lineage: String(words[1]), instance: instance)
    }

    package var owner: [UInt8] { Array("\(Self.prefix)\(lineage) \(instance)".utf8) }

    /// Whether a backend would take a client of this name for a marker.
    static func isReserved(_ owner: [UInt8]) -> Bool { owner.starts(with: prefix.utf8) }
}
