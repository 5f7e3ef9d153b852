/// nfs_ftype4: the kinds of files (RFC 8881 §3.3.13), without those of named attributes.
@frozen @usableFromInline package enum FileType: UInt32, Sendable {
    case regular = 1
    case directory = 2
    case blockDevice = 3
    case characterDevice = 4
    case symbolicLink = 5
    case socket = 6
    case fifo = 7
}
