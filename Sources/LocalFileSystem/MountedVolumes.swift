import CLinux
import FileSystem
import Glibc
import NFSProtocol
import Synchronization

/// The volumes of an export that goes on into what is mounted inside it: the exported one, and each mounted on a directory
/// below the exported one, by the mount.
///
/// A volume is found when a client first comes to it, by its name or with a handle from before a restart. It stays in use
/// until the server stops or it is unmounted lazily (`umount -l`).
final class MountedVolumes: Sendable {
    /// The exported directory, without symbolic links.
    private let path: String
    private let volumes = Mutex<[Volume]>([])

    init(below path: String) { self.path = path }

    /// Makes `volume` the exported one.
    func begin(with volume: Volume) { volumes.withLock { $0 = [volume] } }

    /// Makes the volumes let go of each other and of their files.
    func close() {
        let former = volumes.withLock { volumes in
            defer { volumes = [] }
            return volumes
        }
        for volume in former { volume.close() }
    }

    /// The volume that is mounted as `mount`.
    /// - Throws: `access` for one that cannot be served: whose files have no handles, or which has another place already,
    ///   as a directory that is bound to a second one has.
    func volume(mountedAs mount: UInt64) throws(NFSStatus) -> Volume {
        if let volume = find(where: { $0.mount == mount }) { return volume }
        try refresh()
        guard let volume = find(where: { $0.mount == mount }) else { throw .access }
        return volume
    }

    /// The volume that made a handle with `mark`.
    /// - Throws: `stale` when there is none any more.
    func volume(thatMarks mark: UInt32) throws(NFSStatus) -> Volume {
        if let volume = find(where: { KernelHandle.mark(of: $0.identity) == mark }) { return volume }
        try refresh()
        guard let volume = find(where: { KernelHandle.mark(of: $0.identity) == mark }) else { throw .stale }
        return volume
    }

    private func find(where matches: (Volume) -> Bool) -> Volume? {
        volumes.withLock { volumes in volumes.first(where: matches) }
    }

    /// Looks again what is mounted below the exported directory.
    private func refresh() throws(NFSStatus) {
        let known = volumes.withLock { $0 }
        guard let exported = known.first else { throw .stale }
        try exported.actAsSuperuser()
        let inside = path == "/" ? "/" : path + "/"
        let mounts = (MountInfo.current()?.mounts ?? []).filter { $0.path.hasPrefix(inside) && $0.path != inside }
        let found = mounts.compactMap { mount in known.first { $0.mount == mount.id } ?? exported.volume(of: mount) }
        volumes.withLock { volumes in
            guard !volumes.isEmpty else { return }
            var marks: Set = [KernelHandle.mark(of: exported.identity)]
            // Another thread may have found the same: what it has given out stays.
            let best = found.map { volume in volumes.first { $0.mount == volume.mount } ?? volume }
            volumes = [exported] + best.filter { marks.insert(KernelHandle.mark(of: $0.identity)).inserted }
        }
    }
}

extension Volume {
    /// What is mounted as `mount`, inside this volume's exported directory.
    /// - Returns: nil for what cannot be served, or is not mounted any more.
    fileprivate func volume(of mount: MountInfo.Mount) -> Volume? {
        guard let root = try? open(for: .read, mayBlock: true, { linux_open_directory(mount.path) }) else { return nil }
        var status = linux_status()
        var capacity = linux_capacity()
        // Whoever changes the directories on the way to it cannot have another one served.
        guard linux_status(root.number, &status) == 0, status.is_mount_root, status.mount == mount.id,
            linux_capacity(root.number, &capacity) == 0, let handle = try? KernelHandle(of: root.number),
            let coveredFileID = coveredFileID(by: root, named: mount.path.split(separator: "/").last.map(String.init) ?? "")
        else { return nil }
        return Volume(root: root, handle, status, type: capacity.type, inside: self, coveredFileID: coveredFileID)
    }

    /// The number of the directory `root` is mounted on, which only a listing of the directory above tells.
    private func coveredFileID(by root: Descriptor, named text: String) -> UInt64? {
        guard let name = try? FileName(validating: text),
            let above = try? open(for: .path, mayBlock: true, { linux_lookup_across_mounts(root.number, "..") }),
            let listing = try? open(for: .read, mayBlock: true, { linux_reopen(above.number, O_RDONLY | O_DIRECTORY) })
        else { return nil }
        var found: UInt64?
        _ = try? LocalNode.readEntries(of: listing) { entry in
            if entry.name == name { found = entry.fileID }
            return found == nil
        }
        return found
    }
}
