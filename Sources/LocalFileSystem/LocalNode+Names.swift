import CLinux
import FileSystem
import Glibc
import NFSProtocol

extension LocalNode {
    func lookup(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> any Node {
        try requireDirectory()
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        guard let found = try entry(name, of: directory, caller) else { return try mounted(on: name, of: directory, caller) }
        do throws(NFSStatus) {
            return try volume.node(of: found)
        } catch .stale {
            // Removed between the steps of finding it.
            throw .noent
        }
    }

    /// A descriptor of the entry `name`, which is found with the rights the thread has; nil for a directory something is
    /// mounted on.
    /// - Throws: `stale` when this directory is gone, `noent`, `access`.
    private func entry(_ name: FileName, of directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Descriptor? {
        guard try !isHidden(name, in: directory, caller) else { throw .noent }
        return try anyEntry(name, of: directory, caller)
    }

    /// As `entry`, and finds what is hidden as well.
    private func anyEntry(_ name: FileName, of directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Descriptor? {
        do throws(SystemError) {
            return try name.withCString { name throws(SystemError) in
                try volume.open(for: .path, mayBlock: caller.mayBlock) { linux_lookup(directory.number, name, !caller.mayBlock) }
            }
        } catch {
            switch error.code {
            case EXDEV: return nil
            case EAGAIN where !caller.mayBlock: throw .wouldBlock
            default: throw self.status(error, in: directory)
            }
        }
    }

    /// Whether `name` in this directory is the server's: in the exported directory itself, and in one that is so for another
    /// export of the same file system.
    func isHidden(_ name: FileName, in directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Bool {
        guard HiddenFiles.isDirectoryName(name) else { return false }
        if handle == volume.rootHandle { return true }
        do throws(NFSStatus) {
            guard let found = try anyEntry(name, of: directory, caller) else { return false }
            return (try? KernelHandle(of: found.number)).map { volume.hidden.contains($0.handle(of: volume.identity)) } ?? true
        } catch .noent {
            return false
        }
    }

    /// - Throws: `badname` when the name is the server's.
    private func requireNotHidden(_ name: FileName, in directory: Descriptor, _ caller: Caller) throws(NFSStatus) {
        guard try !isHidden(name, in: directory, caller) else { throw .badname }
    }

    /// As `entry`, of an entry that is to be made, removed or renamed.
    /// - Throws: `access` for a directory something is mounted on, as long as that is so.
    func ownEntry(_ name: FileName, of directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> Descriptor {
        guard let entry = try entry(name, of: directory, caller) else { throw .access }
        return entry
    }

    /// What a call on a name in this directory failed with, for operations that are not about who owns something.
    private func status(_ error: SystemError, in directory: Descriptor) -> NFSStatus {
        switch error.code {
        case ENOENT:
            var status = linux_status()
            return linux_status(directory.number, &status) == 0 && status.links == 0 ? .stale : .noent
        // Sticky directories, immutable files, links to files of others.
        case EPERM: return .access
        default: return error.status
        }
    }

    /// The root of what is mounted on the entry `name`.
    /// - Throws: `access` where that is not served: LOOKUP has no XDEV (RFC 8881 §15.2).
    private func mounted(on name: FileName, of directory: Descriptor, _ caller: Caller) throws(NFSStatus) -> any Node {
        guard let mounts = volume.mounts else { throw .access }
        guard caller.mayBlock else { throw .wouldBlock }
        let (found, status) = try acrossMounts { name.withCString { linux_lookup_across_mounts(directory.number, $0) } }
        // Unmounted in the meantime.
        if status.mount == volume.mount { return try volume.node(of: found) }
        return try mounts.volume(mountedAs: status.mount).rootNode
    }

    /// The directory above the one this volume is mounted on.
    private func parentOfMount(_ directory: Descriptor, _ mounts: MountedVolumes) throws(NFSStatus) -> any Node {
        let (found, status) = try acrossMounts { linux_lookup_across_mounts(directory.number, "..") }
        // Unmounted, but for those who have it open: nothing is above it.
        guard status.mount != volume.mount else { throw .stale }
        return try mounts.volume(mountedAs: status.mount).node(of: found)
    }

    private func acrossMounts(_ lookup: () -> Int32) throws(NFSStatus) -> (Descriptor, linux_status) {
        do throws(SystemError) {
            let found = try volume.open(for: .path, mayBlock: true, lookup)
            var status = linux_status()
            try check(linux_status(found.number, &status))
            return (found, status)
        } catch {
            throw error.status
        }
    }

    func parent(_ caller: Caller) throws(NFSStatus) -> (any Node)? {
        try requireDirectory()
        let isRoot = handle == volume.rootHandle
        if isRoot, volume.coveredFileID == nil { return nil }
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        if isRoot, let mounts = volume.mounts {
            guard caller.mayBlock else { throw .wouldBlock }
            return try parentOfMount(directory, mounts)
        }
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
            let before = try status(through: directory).change
            let result = try changing(body)
            // Atomic among the changes of this server. Another process of this machine could come between the two looks;
            // a volume that is served is changed by its server alone.
            return (result, ChangeInfo(atomic: true, before: before, after: try status(through: directory).change))
        }
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
                return (node, try !node.changing { () throws(NFSStatus) in try new.finish(node, made) })
            } catch {
                // Nothing may be left of what could not be made whole.
                _ = name.withCString { linux_unlink(directory.number, $0, new.type == .directory) }
                volume.knownNode(of: made)?.noteUnlinked(made)
                throw error
            }
        }
        // What a file is made with goes to the journal together with its name.
        try settle(made.isFinished ? [self] : [made.node, self], caller)
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
            try file.changing { () throws(NFSStatus) in
                do throws(SystemError) {
                    try check(name.withCString { linux_link(source.number, directory.number, $0) })
                } catch {
                    // One of the two is gone: the new name cannot be what is missing.
                    throw error.code == ENOENT ? .stale : status(error, in: directory)
                }
            }
        }.change
        try settle([self], caller)
        return change
    }

    func remove(_ name: FileName, _ caller: Caller) throws(NFSStatus) -> ChangeInfo {
        try requireDirectory()
        try volume.requireMayChange(caller)
        let directory = try descriptor(mayBlock: caller.mayBlock)
        try volume.act(as: caller.credentials)
        let removed = try ownEntry(name, of: directory, Caller(caller.credentials, mayBlock: true))
        let isDirectory = try type(of: removed) == .directory
        let change = try changingEntries(directory) { () throws(NFSStatus) in
            let node = volume.knownNode(of: removed)
            try changing(node) { () throws(NFSStatus) in
                do throws(SystemError) {
                    try check(name.withCString { linux_unlink(directory.number, $0, isDirectory) })
                } catch {
                    // Another process put something else there since.
                    guard error.code != EISDIR, error.code != ENOTDIR else { throw .delay }
                    throw status(error, in: directory)
                }
            }
            // Before anything can throw: a file that is open must not lose its descriptor now.
            (node ?? volume.knownNode(of: removed))?.noteUnlinked(removed)
        }.change
        try settle([self], caller)
        return change
    }

    /// Brings what was changed to stable storage, or leaves it to a caller who gathers that.
    private func settle(_ changed: [LocalNode], _ caller: Caller) throws(NFSStatus) {
        guard volume.durableMetadata else { return }
        if let unflushed = caller.unflushed {
            unflushed.nodes += changed
        } else {
            for node in changed { try node.persist() }
        }
    }

    /// Runs `body`, which changes a file that somebody knows, if it is not nil.
    private func changing(_ node: LocalNode?, _ body: () throws(NFSStatus) -> Void) throws(NFSStatus) {
        if let node { try node.changing(body) } else { try body() }
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
        let moved = try ownEntry(name, of: sourceDirectory, blocking)
        let replaced: Descriptor?
        do throws(NFSStatus) {
            replaced = try target.ownEntry(newName, of: targetDirectory, blocking)
        } catch .noent {
            replaced = nil
        }
        if let replaced {
            if try isSameFile(moved, replaced) { return (try unchanged(sourceDirectory), try target.unchanged(targetDirectory)) }
            try requireReplaceable(replaced, by: moved)
        }

        let changes = try changingEntries((self, sourceDirectory), (target, targetDirectory)) { () throws(NFSStatus) in
            let victim = replaced.flatMap { volume.knownNode(of: $0) }
            try changing(volume.knownNode(of: moved)) { () throws(NFSStatus) in
                try changing(victim) { () throws(NFSStatus) in
                    let result = name.withCString { name in
                        newName.withCString { linux_rename(sourceDirectory.number, name, targetDirectory.number, $0) }
                    }
                    do throws(SystemError) {
                        try check(result)
                    } catch {
                        switch error.code {
                        // What is not compatible, also when another process put it there since (RFC 8881 §18.26.3).
                        case ENOTEMPTY, EISDIR, ENOTDIR: throw .exist
                        default: throw status(error, in: sourceDirectory)
                        }
                    }
                }
            }
            if let replaced { (victim ?? volume.knownNode(of: replaced))?.noteUnlinked(replaced) }
        }
        try settle(target === self ? [self] : [target, self], caller)
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
    private func requireReplaceable(_ replaced: Descriptor, by moved: Descriptor) throws(NFSStatus) {
        let movesDirectory = try type(of: moved) == .directory
        guard try (type(of: replaced) == .directory) == movesDirectory else { throw .exist }
    }

    private func isSameFile(_ one: Descriptor, _ other: Descriptor) throws(NFSStatus) -> Bool {
        do throws(SystemError) {
            return try KernelHandle(of: one.number).handle(of: volume.identity)
                == KernelHandle(of: other.number).handle(of: volume.identity)
        } catch {
            throw error.status
        }
    }

    private func unchanged(_ directory: Descriptor) throws(NFSStatus) -> ChangeInfo {
        let change = try status(through: directory).change
        return ChangeInfo(atomic: true, before: change, after: change)
    }
}
