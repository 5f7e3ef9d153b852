import FileSystem
import Foundation
import LocalFileSystem
import NFSProtocol
import Testing

/// The change attribute: of one state of a file it is told once and for all.
@Suite struct ChangeAttributeTests {
    private static let tick: UInt64 = 4_000_000

    /// One file on a kernel whose ctime moves once a tick, through any number of objects that stand for it.
    private struct File {
        var attribute = ChangeAttribute()
        var ctime: UInt64 = 1000 * tick
        /// Nanoseconds into the tick.
        var elapsed: UInt64 = 0

        mutating func told() -> UInt64 {
            let now = (ticks: ctime + elapsed / tick * tick, exact: ctime + elapsed)
            return attribute.value(ctime: ctime, since: attribute.look(), step: tick, now: { now })
        }

        mutating func change() {
            attribute.begin()
            ctime += elapsed / tick * tick
            elapsed %= tick
            elapsed += 1000
            attribute.end()
        }

        /// What an eviction or a restart does.
        mutating func forget() { attribute = ChangeAttribute() }
    }

    @Test func whereEveryChangeMovesCtimeItIsCtime() {
        var attribute = ChangeAttribute()
        #expect(attribute.value(ctime: 77, since: attribute.look(), step: 0) == 77)
        #expect(attribute.value(ctime: 78, since: attribute.look(), step: 0) == 78)
    }

    @Test(arguments: [0, tick]) func whatIsSeenDuringAChangeIsNotToldOfItsOutcome(_ step: UInt64) {
        var attribute = ChangeAttribute()
        func told(_ look: ChangeAttribute.Look) -> UInt64 {
            attribute.value(ctime: 9 * Self.tick, since: look, step: step, now: { (9 * Self.tick, 9 * Self.tick) })
        }
        let before = attribute.look()
        attribute.begin()
        let during = attribute.look()
        let seen = told(during)
        attribute.end()
        let outcome = told(attribute.look())
        #expect(seen < outcome)
        // Threads that looked at the file earlier and come here late.
        #expect(told(during) < outcome)
        #expect(told(before) < outcome)
    }

    @Test func changesOfOneTickDiffer() {
        var file = File()
        var last = file.told()
        for _ in 0..<100 {
            file.change()
            let told = file.told()
            #expect(told > last)
            #expect(file.told() == told)
            last = told
        }
    }

    @Test(arguments: 0..<20) func itGoesUpWhateverIsForgottenWhen(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var file = File()
        var last: UInt64 = 0
        var changed = true
        for _ in 0..<2000 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0: file.forget()
            case 1: file.elapsed += UInt64.random(in: 0..<2 * Self.tick, using: &generator)
            case 2..<6:
                file.change()
                changed = true
            default:
                let told = file.told()
                #expect(changed ? told > last : told >= last)
                (last, changed) = (told, false)
            }
        }
    }

    // MARK: On a file system

    @Test func movesAcrossARestartInTheSameTick() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let handle = try fileSystem.root.make("file").handle
            var seen: Set<UInt64> = []
            var server = fileSystem
            for index in 0..<20 {
                let file = try server.node(for: handle, .root)
                try file.open(.write, .root).write([UInt8(index)])
                #expect(seen.insert(try file.attributes().change).inserted, "after write \(index)")
                let root = try server.root.attributes().change
                server = try LocalFileSystem(path: path, durableMetadata: false, descriptorLimit: 100)
                #expect(seen.contains(try server.node(for: handle, .root).attributes().change))
                #expect(try server.root.attributes().change == root)
                _ = try server.root.make("entry \(index)")
                #expect(try server.root.attributes().change > root)
            }
        }
    }

    @Test(.enabled(if: isSuperuser, needsSuperuser)) func movesAcrossAnEviction() throws {
        try withLocalFileSystem(descriptorLimit: 20) { fileSystem, _ throws in
            let handle = try fileSystem.root.make("file").handle
            let others = try (0..<60).map { try fileSystem.root.make("\($0)").handle }
            var last: UInt64 = 0
            for _ in 0..<20 {
                try fileSystem.node(for: handle, .root).setAttributes(AttributeChanges(mode: 0o600), .root)
                let change = try fileSystem.node(for: handle, .root).attributes().change
                #expect(change > last)
                for other in others { _ = try fileSystem.node(for: other, .root).attributes() }
                let again = try fileSystem.node(for: handle, .root).attributes().change
                #expect(again >= change)
                last = again
            }
        }
    }

    @Test func movesWhenAnotherProcessChangesTheFile() throws {
        try withLocalFileSystem { fileSystem, path throws in
            let file = try fileSystem.root.make("file")
            var last = try file.attributes().change
            for index in 0..<20 {
                // On kernels before 6.13, not in the tick of the last look.
                usleep(20_000)
                let handle = try #require(FileHandle(forWritingAtPath: "\(path)/file"))
                try handle.write(contentsOf: Data([UInt8(index)]))
                try handle.close()
                let change = try file.attributes().change
                #expect(change > last)
                last = change
            }
        }
    }
}
