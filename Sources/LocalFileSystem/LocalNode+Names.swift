import CLinux
import FileSystem
import Glibc
import NFSProtocol

extension LocalNode {
    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node {
        try requireDirectory()
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        do throws(NFSStatus) {
            return try volume.node(of: entry(name, of: directory, caller))
        } catch .stale {
            // Removed between the steps of finding it.
            throw .noent
        }
    }

    /// A descriptor of the entry `name`, which is found with the rights the thread has.
    /// - Throws: `access` for a directory something is mounted on: what is below belongs to another file system, which is not
    ///   exported, and LOOKUP has no XDEV (RFC 8881 §15.2).
    func entry(_ name: FileName, of directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Descriptor {
        guard try !isHidden(name, in: directory, caller) else { throw .noent }
        return try anyEntry(name, of: directory, caller)
    }

    /// As `entry`, and finds what is hidden as well.
    private func anyEntry(_ name: FileName, of directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Descriptor {
        do throws(SystemError) {
            return try name.withCString { name throws(SystemError) in
                try volume.open(for: .path, mayBlock: caller.mayBlock) { linux_lookup(directory.number, name, !caller.mayBlock) }
            }
        } catch {
            switch error.code {
            case EXDEV: throw .access
            case EAGAIN where !caller.mayBlock: throw .wouldBlock
            default: throw error.status
            }
        }
    }

    /// Whether `name` in this directory is the server's: in the exported directory itself, and in one that is so for another
    /// export of the same file system.
    func isHidden(_ name: FileName, in directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Bool {
        guard HiddenFiles.isDirectoryName(name) else { return false }
        if handle == volume.rootHandle { return true }
        do throws(NFSStatus) {
            let found = try anyEntry(name, of: directory, caller)
            return (try? KernelHandle(of: found.number)).map { volume.hidden.contains($0.handle(of: volume.identity)) } ?? true
        } catch .noent {
            return false
        }
    }

    /// - Throws: `badname` when the name is the server's.
    private func requireNotHidden(_ name: FileName, in directory: Descriptor, _ caller: Caller) throws(NFSStatus) {
        guard try !isHidden(name, in: directory, caller) else { throw .badname }
    }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? {
        try requireDirectory()
        if handle == volume.rootHandle { return nil }
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        let parent: Descriptor
        do throws(SystemError) {
            parent = try volume.open(for: .path, mayBlock: caller.mayBlock) { linux_lookup(directory.number, "..", !caller.mayBlock) }
        } catch {
            switch error.code {
            // The top of the mount, reached from a handle of what is not below the root.
            case EXDEV: return nil
            case EAGAIN where !caller.mayBlock: throw .wouldBlock
            default: throw error.status
            }
        }
        return try volume.node(of: parent)
    }

    /// Runs `body`, which changes the entries of this directory.
    private func changingEntries<Result: Sendable>(
        _ directory: Descriptor, _ body: () throws(NFSStatus) -> Result
    ) throws(NFSStatus) -> (result: Result, change: ChangeInfo) {
        try entriesChange.withLock { _ throws(NFSStatus) in
            let before = try changeAttribute(directory)
            let result = try body()
            noteChange()
            // Atomic among the changes of this server. Another process of this machine could come between the two looks;
            // a volume that is served is changed by its server alone.
            return (result, ChangeInfo(atomic: true, before: before, after: try changeAttribute(directory)))
        }
    }

    private func changeAttribute(_ directory: Descriptor) throws(NFSStatus) -> UInt64 {
        var status = linux_status()
        try require(linux_status(directory.number, &status))
        return change(status)
    }

    func create(
        _ name: FileName, _ object: NewObject, _ changes: AttributeChanges, _ caller: Caller
    ) throws(NFSStatus) -> (node: any Node, change: ChangeInfo) {
        try requireDirectory()
        let new = try NewEntry(object, changes)
        try volume.requireMayChange(caller)
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        try requireNotHidden(name, in: directory, caller)
        let (made, change) = try changingEntries(directory) { () throws(NFSStatus) -> (node: LocalNode, isFinished: Bool) in
            let made = try new.make(name, in: self, directory, caller)
            do throws(NFSStatus) {
                let node = try volume.node(of: made)
                return (node, try !new.finish(node, made))
            } catch {
                // Nothing may be left of what could not be made whole.
                _ = name.withCString { linux_unlink(directory.number, $0, new.type == .directory) }
                volume.knownNode(of: made)?.noteUnlinked(made)
                throw error
            }
        }
        if volume.durableMetadata {
            // What a file is made with goes to the journal together with its name.
            if !made.isFinished { try made.node.persist() }
            try persist()
        }
        return (made.node, change)
    }

    func link(_ file: any Node, as name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try requireDirectory()
        guard let file = file as? LocalNode, file.volume === volume else { throw .xdev }
        guard file.type != .directory else { throw .isdir }
        try volume.requireMayChange(caller)
        let directory = try descriptor(mayBlock: caller.mayBlock)
        let source = try file.descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        try requireNotHidden(name, in: directory, caller)
        let change = try changingEntries(directory) { () throws(NFSStatus) in
            try require(name.withCString { linux_link(source.number, directory.number, $0) })
            file.noteChange()
        }.change
        if volume.durableMetadata { try persist() }
        return change
    }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try requireDirectory()
        try volume.requireMayChange(caller)
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        let removed = try entry(name, of: directory, Caller(caller.credentials, mayBlock: true))
        let isDirectory = try type(of: removed) == .directory
        let change = try changingEntries(directory) { () throws(NFSStatus) in
            try require(name.withCString { linux_unlink(directory.number, $0, isDirectory) })
            // Before anything can throw: a file that is open must not lose its descriptor now.
            volume.knownNode(of: removed)?.noteUnlinked(removed)
        }.change
        if volume.durableMetadata { try persist() }
        return change
    }

    private func type(of descriptor: Descriptor) throws(NFSStatus) -> FileType {
        var status = linux_status()
        try require(linux_status(descriptor.number, &status))
        guard let type = FileType(mode: status.mode) else { throw .io }
        return type
    }

    func rename(
        _ name: FileName, to directory: any Node, as newName: FileName, _ caller: Caller
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        try requireDirectory()
        guard let target = directory as? LocalNode, target.volume === volume else { throw .xdev }
        try target.requireDirectory()
        try volume.requireMayChange(caller)
        let sourceDirectory = try descriptor(mayBlock: caller.mayBlock)
        let targetDirectory = try target.descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        let blocking = Caller(caller.credentials, mayBlock: true)
        try target.requireNotHidden(newName, in: targetDirectory, blocking)
        let moved = try entry(name, of: sourceDirectory, blocking)
        let replaced: Descriptor?
        do throws(NFSStatus) {
            replaced = try target.entry(newName, of: targetDirectory, blocking)
        } catch .noent {
            replaced = nil
        }
        try requireReplaceable(replaced, by: moved)

        let changes = try changingEntries((self, sourceDirectory), (target, targetDirectory)) { () throws(NFSStatus) in
            do throws(SystemError) {
                try check(
                    name.withCString { name in
                        newName.withCString { linux_rename(sourceDirectory.number, name, targetDirectory.number, $0) }
                    })
            } catch {
                throw error.code == ENOTEMPTY ? .exist : error.status
            }
            volume.knownNode(of: moved)?.noteChange()
            if let replaced { volume.knownNode(of: replaced)?.noteUnlinked(replaced) }
        }
        if volume.durableMetadata {
            try target.persist()
            if target !== self { try persist() }
        }
        return changes
    }

    /// Runs `body`, which changes the entries of two directories, that may be the same.
    private func changingEntries(
        _ source: (node: LocalNode, directory: Descriptor), _ target: (node: LocalNode, directory: Descriptor),
        _ body: () throws(NFSStatus) -> Void
    ) throws(NFSStatus) -> (source: ChangeInfo, target: ChangeInfo) {
        if source.node === target.node {
            let change = try source.node.changingEntries(source.directory, body).change
            return (change, change)
        }
        // Two threads that move between the same two directories take them in the same order.
        if ObjectIdentifier(source.node) < ObjectIdentifier(target.node) {
            let outer = try source.node.changingEntries(source.directory) { () throws(NFSStatus) in
                try target.node.changingEntries(target.directory, body).change
            }
            return (outer.change, outer.result)
        }
        let outer = try target.node.changingEntries(target.directory) { () throws(NFSStatus) in
            try source.node.changingEntries(source.directory, body).change
        }
        return (outer.result, outer.change)
    }

    /// - Throws: `exist` when one is a directory and the other is not (RFC 8881 §18.26.3; the kernel has other words for it).
    private func requireReplaceable(_ replaced: Descriptor?, by moved: Descriptor) throws(NFSStatus) {
        guard let replaced else { return }
        let movesDirectory = try type(of: moved) == .directory
        guard try (type(of: replaced) == .directory) == movesDirectory else { throw .exist }
    }
}
