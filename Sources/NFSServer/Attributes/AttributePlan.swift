import FileSystem
import NFSProtocol

/// Which of the attributes that were asked for are answered, and in which order: the same for most files of a listing.
struct AttributePlan {
    let answered: AttributeSet
    /// The first `count` of these, as their values follow each other.
    private(set) var order = InlineArray<64, Attribute>(repeating: .supportedAttributes)
    private(set) var count = 0
    private let features: FileSystemFeatures
    private let isBirthKnown: Bool

    /// Those of `wanted` that can be answered for the file of `source`.
    init(_ wanted: AttributeSet, for source: borrowing AttributeSource) {
        features = source.file.node.fileSystemFeatures
        isBirthKnown = source.attributes.createTime != nil
        let known = wanted.intersection(AttributeSupport.readable(on: features))
        answered = isBirthKnown ? known : known.subtracting(AttributeSet(.timeCreate))
        var left = answered
        while let number = left.popFirst() {
            guard let attribute = Attribute(rawValue: number) else { continue }
            order[count] = attribute
            count += 1
        }
    }

    /// Whether the same can be answered for the file of `source`.
    func fits(_ source: borrowing AttributeSource) -> Bool {
        source.file.node.fileSystemFeatures == features && (source.attributes.createTime != nil) == isBirthKnown
    }
}
