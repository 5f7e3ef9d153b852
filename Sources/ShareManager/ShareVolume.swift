import Foundation
import LocalFileSystem
import Logging
import NFSProtocol

/// The file system of a volume, on its device, mounted or not.
actor ShareVolume {
    private let options: ShareOptions
    private let log: Logger
    /// The device the file system is on: the volume's, or the opened LUKS device on it.
    private var device: BlockDevice
    private var type = ""
    private var isEncrypted = false
    /// The device and its number as long as it is mounted.
    private var mounted: (device: BlockDevice, number: UInt64)?

    init(_ options: ShareOptions, log: Logger) {
        self.options = options
        self.log = log
        device = BlockDevice(path: options.device)
    }

    /// Mounts the volume at its place, and makes whatever it lacks for that: formats a device that is provably blank, repairs what can be
    /// repaired without loss, and lets the file system have all of a device that grew.
    func mount() async throws {
        try await open()
        defer { mounted = isMounted ? device.number.map { (device, $0) } : nil }
        guard !isMounted else { return }
        let isNew = try await format()
        try await check()
        try FileManager.default.createDirectory(atPath: options.mountPoint, withIntermediateDirectories: true)
        // A restored or cloned XFS has the UUID of another that may be mounted on the same node.
        let mountOptions = options.mountOptions + (type == "xfs" ? ["nouuid"] : [])
        do {
            try await Tool.run(
                "mount",
                ["-t", type] + (mountOptions.isEmpty ? [] : ["-o", mountOptions.joined(separator: ",")]) + [
                    device.path, options.mountPoint,
                ])
        } catch {
            throw ShareError("\(options.volume) cannot be mounted: \(error): repair the file system by hand (\(Self.repair(type)))")
        }
        log.notice("mounted", metadata: ["device": "\(device.path)", "type": "\(type)", "at": "\(options.mountPoint)"])
        do throws(ToolError) {
            try await grow()
        } catch {
            log.error("the file system cannot be given all of its device, and is served as large as it is", metadata: ["error": "\(error)"])
        }
        if let mode = options.rootMode ?? (isNew ? 0o777 : nil), chmod(options.mountPoint, mode_t(mode)) != 0 {
            throw ShareError("the mode of \(options.mountPoint) cannot be set: \(String(cString: strerror(errno)))")
        }
    }

    private var isMounted: Bool { MountInfo.current()?.mounts.contains { $0.path == options.mountPoint } == true }

    /// Unmounts it. Fails while anybody has a file open in it.
    func unmount() async throws {
        // What becomes of the device from here on is no failure.
        let before = mounted
        mounted = nil
        defer { if isMounted { mounted = before } }
        // Whoever looked at it just now, as df does, is gone in a moment.
        var attempts = 0
        while isMounted {
            attempts += 1
            do throws(ToolError) {
                try await Tool.run("umount", [options.mountPoint])
            } catch {
                guard attempts < 20 else { throw error }
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        if isEncrypted { try await Tool.run("cryptsetup", ["close", options.mapperName]) }
        isEncrypted = false
        log.notice("unmounted", metadata: ["at": "\(options.mountPoint)"])
    }

    /// What is wrong with it while it is mounted, though nobody may have come upon it: its device is gone, or another one in its place
    /// (`nxio`), or the kernel found errors and lets nobody write to its file system (`rofs`), or read it (`io`). Returns when the device
    /// answers.
    func failure() async -> NFSStatus? {
        guard let (device, number) = mounted else { return nil }
        let answers = await answers(device, number)
        // It may have been unmounted meanwhile.
        guard mounted?.device == device else { return nil }
        guard answers else { return .nxio }
        var status = stat()
        guard stat(options.mountPoint, &status) == 0 || errno != EIO else { return .io }
        let isReadOnly = MountInfo.current()?.mounts.last { $0.path == options.mountPoint }?.isReadOnly == true
        return isReadOnly && !options.mountOptions.contains("ro") ? .rofs : nil
    }

    /// As `BlockDevice.answers`. Says so when that takes long.
    private func answers(_ device: BlockDevice, _ number: UInt64) async -> Bool {
        let asked = ContinuousClock.now
        let limit = Duration.seconds(5)
        let complaint = Task { [log] in
            try await Task.sleep(for: limit)
            log.error("the device does not answer; whoever needs it waits", metadata: ["device": "\(device.path)"])
        }
        let answers = await device.answers(as: number)
        complaint.cancel()
        let took = ContinuousClock.now - asked
        if took >= limit { log.notice("the device answers again", metadata: ["device": "\(device.path)", "after": "\(took)"]) }
        return answers
    }

    /// Gives the file system all of the device.
    func grow() async throws(ToolError) {
        if isEncrypted {
            try await Tool.run("cryptsetup", ["resize", "--key-file", "-", options.mapperName], input: options.encryption.passphrase)
        }
        switch type {
        case _ where type.hasPrefix("ext"): try await Tool.run("resize2fs", [device.path])
        case "xfs": try await Tool.run("xfs_growfs", [options.mountPoint])
        case "btrfs": try await Tool.run("btrfs", ["filesystem", "resize", "max", options.mountPoint])
        default: log.warning("this file system cannot be grown here", metadata: ["type": "\(type)"])
        }
    }

    /// Tells the device which blocks are free.
    func trim() async throws {
        try await Tool.run("fstrim", [options.mountPoint])
    }

    // MARK: Before it is mounted

    /// Opens LUKS if the device is encrypted or to be.
    private func open() async throws {
        let outer = BlockDevice(path: options.device)
        let encryption = options.encryption
        var content = try outer.content()
        if content == .nothing, encryption.isWanted {
            guard !encryption.passphrase.isEmpty else {
                throw ShareError("\(outer.path) is to be encrypted, but PASSPHRASE is empty: give it in the Secret of the storage class")
            }
            try requireBlank(outer)
            log.notice("encrypting a blank device", metadata: ["device": "\(outer.path)"])
            try await Tool.run(
                "cryptsetup",
                [
                    "luksFormat", "--batch-mode", "--type", "luks2", "--cipher", encryption.cipher, "--hash", encryption.hash, "--key-size",
                    encryption.keySize, "--pbkdf", encryption.keyDerivation, "--offset", "\(Self.luksHeader / 512)", "--key-file", "-",
                    outer.path,
                ], input: encryption.passphrase)
            content = try outer.content()
        }
        guard case .encrypted = content else {
            if encryption.isWanted {
                log.warning("the volume is to be encrypted, but has data that is not, and is served as it is")
            }
            device = outer
            return
        }
        guard !encryption.passphrase.isEmpty else {
            throw ShareError("\(outer.path) is encrypted, but PASSPHRASE is empty: give it in the Secret of the storage class")
        }
        device = BlockDevice(path: "/dev/mapper/\(options.mapperName)")
        if access(device.path, F_OK) != 0 {
            try await Tool.run(
                "cryptsetup", ["open", "--type", "luks", "--allow-discards", "--key-file", "-", outer.path, options.mapperName],
                input: encryption.passphrase)
        }
        isEncrypted = true
    }

    /// What cryptsetup puts in front of the data of a LUKS2 device unless told otherwise, in bytes.
    private static let luksHeader = 16 << 20

    /// Learns what is on the device, and formats it if that is nothing at all.
    /// - Returns: whether it was formatted.
    private func format() async throws -> Bool {
        switch try device.content() {
        case .fileSystem(let found):
            type = found
            if found != options.fileSystem {
                log.notice(
                    "the volume has another file system than was asked for, and keeps it",
                    metadata: ["has": "\(found)", "asked": "\(options.fileSystem)"])
            }
            return false
        case .encrypted: throw ShareError("\(device.path) is encrypted inside of LUKS: it was not made by Longhorn, and is left as it is")
        case .other(let found):
            throw ShareError(
                "\(device.path) has no file system but \(found), and is left as it is: if nobody needs that, wipe it (wipefs -a)")
        case .nothing: break
        }
        // Encrypted zeros are no zeros, but nothing was ever written through LUKS where the device itself is blank behind the header.
        try isEncrypted ? requireBlank(BlockDevice(path: options.device), from: Self.luksHeader) : requireBlank(device)
        type = options.fileSystem
        log.notice("formatting a blank device", metadata: ["device": "\(device.path)", "type": "\(type)"])
        try await Tool.run("mkfs.\(type)", (type == "ext4" ? ["-q", "-m", "0"] : []) + options.formatOptions + [device.path])
        return true
    }

    private func requireBlank(_ device: BlockDevice, from start: Int = 0) throws {
        guard try device.isZero(from: start) else {
            throw ShareError(
                "\(device.path) has data, but no file system that is known: it is not formatted. Repair it by hand (\(Self.repair(options.fileSystem))), or "
                    + "if nobody needs the data, wipe it (blkdiscard -z)")
        }
    }

    /// Has a file system checked that asks for it, by its own counters or as it was not unmounted. XFS does so when it is mounted.
    private func check() async throws {
        guard type.hasPrefix("ext") else { return }
        do throws(ToolError) {
            // 1: repaired. 2: repaired, and to be mounted again, which it is not yet.
            try await Tool.run("e2fsck", ["-p", device.path], accepting: [0, 1, 2])
        } catch {
            throw ShareError(
                "\(device.path) has errors that are not repaired without your consent: \(error): repair it by hand (\(Self.repair(type)))")
        }
    }

    private static func repair(_ type: String) -> String {
        switch type {
        case "xfs": "xfs_repair"
        case _ where type.hasPrefix("ext"): "e2fsck -f"
        default: "fsck -t \(type)"
        }
    }
}
