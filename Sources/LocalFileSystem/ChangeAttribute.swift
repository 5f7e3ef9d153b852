import Glibc
import NFSProtocol

/// Makes the change attribute of one file (RFC 8881 §5.8.1.4) of its ctime and of what this server does to the file.
///
/// Clients keep data as long as the attribute says that it is current. So a value once told must not be told again of another
/// state of the file: not after a restart, not after this object was dropped and made again, not on another machine.
///
/// Kernels from 6.13 on give a file another ctime with every change that follows a look at it, whoever makes the change. There
/// the value is the ctime itself, which needs no memory.
///
/// Older kernels take ctime from a clock that moves once a tick. Changes of one tick are told apart by counting those of this
/// server, below the ctime: tick - lead, tick - lead + 1, and so on, where lead is less than a tick, so that all of it lies above
/// what was told of the tick before. An object that finds a ctime whose tick is over tells the ctime itself: that lies above
/// whatever the count had reached, and no change can follow that has the same ctime. One that is made within the tick starts
/// where the clock stands, above what others can have counted to. The price is that a file changed in a tick with several
/// changes seems to change once more when its object is made again. What is not seen are changes by other processes of the
/// machine in the tick of the last look.
///
/// The kernel sets ctime before it changes data, and takes entries of a directory for known after it set ctime. What is told
/// while a change is under way is therefore one less than what will be true of the file when the change is complete: nobody
/// can take what he sees meanwhile for the outcome.
package struct ChangeAttribute: Sendable {
    /// Nanoseconds between two ctimes; 0 where every change makes another.
    package typealias Step = UInt64

    /// The state of a file's changes when somebody began to look at it.
    package struct Look: Sendable {
        fileprivate let begun: UInt64
        fileprivate let isQuiet: Bool
    }

    private var begun: UInt64 = 0
    private var underWay = 0
    /// The newest ctime seen, and how much less than it is told of it.
    private var time: UInt64?
    private var lead: UInt64 = 0

    package init() {}

    /// To be called before a change is made.
    package mutating func begin() {
        begun &+= 1
        underWay += 1
    }

    /// To be called after it was made, before anybody hears of it.
    package mutating func end() {
        underWay -= 1
        if lead > 0 { lead -= 1 }
    }

    /// To be called before the ctime is read.
    package func look() -> Look { Look(begun: begun, isQuiet: underWay == 0) }

    /// - Parameters:
    ///   - ctime: in nanoseconds, read after `look` was made.
    ///   - now: the file system's clock, and the time to the nanosecond; used where `step` is not 0.
    package mutating func value(
        ctime: UInt64, since look: Look, step: Step, now: () -> (ticks: UInt64, exact: UInt64) = Self.now
    ) -> UInt64 {
        let isComplete = look.isQuiet && look.begun == begun
        if step > 0, ctime > time ?? 0 {
            lead = time == nil ? Self.lead(of: ctime, step, now()) : step / 4 * 3
            time = ctime
        }
        // A thread that looked before another may come here after it.
        let told = ctime == time ? ctime &- lead : step > 0 ? ctime &- step / 4 * 3 : ctime
        return isComplete ? told : told &- 1
    }

    /// For an object that did not see how the file came to its ctime. Others may have counted up to now, a change at least a
    /// few hundred nanoseconds.
    private static func lead(of ctime: UInt64, _ step: Step, _ now: (ticks: UInt64, exact: UInt64)) -> UInt64 {
        guard now.ticks < ctime &+ step else { return 0 }
        let elapsed = now.exact > ctime ? now.exact - ctime : 0
        return step / 4 * 3 - min(elapsed / 4, step / 2)
    }

    /// The clock ctime is taken from, and one that moves with every nanosecond.
    package static func now() -> (ticks: UInt64, exact: UInt64) {
        var (coarse, fine) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME_COARSE, &coarse)
        clock_gettime(CLOCK_REALTIME, &fine)
        return (nanoseconds(coarse.tv_sec, coarse.tv_nsec), nanoseconds(fine.tv_sec, fine.tv_nsec))
    }

    static func nanoseconds(_ seconds: Int, _ nanoseconds: Int) -> UInt64 {
        UInt64(bitPattern: Int64(seconds)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(nanoseconds))
    }
}
