import FileSystem
import NFSProtocol
import Synchronization
import XDR

/// The READDIRs that wait for a thread, those together that ask for the same.
///
/// A listing is true for whoever asked before it began. So when a thread comes to them, it lists the directory for the first,
/// and the others take over the result: who lists a directory while many do so costs little.
final class ListingQueue: Sendable {
    /// All that a result depends on beside the directory's entries and their attributes.
    struct Question: Hashable {
        let directory: FileHandle
        let credentials: Credentials
        let cookie: UInt64
        let directoryCount: Int
        /// Bytes the result may have.
        let room: Int
        let wanted: AttributeSet
    }

    private let waiting = Mutex<[Question: [Compound]]>([:])

    /// - Returns: whether the caller has to see to an answer for all that `leave` tells.
    func join(_ compound: Compound, _ question: Question) -> Bool {
        waiting.withLock { waiting in
            waiting[question, default: []].append(compound)
            return waiting[question]?.count == 1
        }
    }

    /// Replies may be a megabyte each, and are all there before the first is sent.
    private static let mostAtOnce = 16

    /// Whom a listing that begins now is for, and whether the caller has to see to another one for those that are left.
    func leave(_ question: Question) -> (compounds: [Compound], areSomeLeft: Bool) {
        waiting.withLock { waiting in
            let all = waiting.removeValue(forKey: question) ?? []
            guard all.count > Self.mostAtOnce else { return (all, false) }
            waiting[question] = Array(all[Self.mostAtOnce...])
            return (Array(all[..<Self.mostAtOnce]), true)
        }
    }
}

/// The body of READDIR's result, for those who asked for the same. Unchecked because one thread at a time answers them.
final class SharedListing: @unchecked Sendable {
    /// Nil as long as nobody succeeded.
    var body: (buffer: RecordBuffer, range: Range<Int>)?
}
