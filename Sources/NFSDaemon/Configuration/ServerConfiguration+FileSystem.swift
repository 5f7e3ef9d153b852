import Glibc
import LocalFileSystem
import RecoveryBackend

extension ServerConfiguration {
    /// Checks what the configuration names in the file system: every export, the directory for records, the place of
    /// the admin socket, token and certificates for the recovery backend. Nothing is created.
    ///
    /// - Throws: all problems found.
    package func checkFileSystem() throws(ConfigurationError) {
        var problems = ConfigurationProblems()
        _ = problems.attempt(checkExports)
        _ = problems.attempt(checkStateDirectory)
        _ = problems.attempt(checkAdminSocket)
        _ = problems.attempt(checkRecoveryToken)
        _ = problems.attempt(checkRecoveryCertificates)
        try problems.throwIfAny()
    }

    /// Each exported path must be a directory on which something is mounted, unless the export allows it not to be.
    package func checkExports() throws(ConfigurationError) {
        var problems = ConfigurationProblems()
        for export in exports {
            _ = problems.attempt { () throws(ConfigurationError) in try export.check() }
        }
        try problems.throwIfAny()
    }

    private func checkStateDirectory() throws(ConfigurationError) {
        guard let path = stateDirectory else { return try checkHiddenDirectory() }
        var existing = path
        while access(existing, F_OK) != 0 && errno == ENOENT {
            existing = parent(of: existing)
        }
        guard isDirectory(existing) else {
            throw ConfigurationError("state-dir \(path): \(existing) is not a directory: give another state-dir")
        }
        guard access(existing, W_OK | X_OK) == 0 else {
            throw ConfigurationError("state-dir \(path): \(existing): \(lastError()): make it writable or give another state-dir")
        }
    }

    private func checkHiddenDirectory() throws(ConfigurationError) {
        // What else may be wrong with the export is told elsewhere.
        guard let export = exports.first?.path, isDirectory(export), access(export, W_OK | X_OK) != 0 else { return }
        throw ConfigurationError("export \(export) cannot keep the client records: \(lastError()): give a state-dir")
    }

    private func checkAdminSocket() throws(ConfigurationError) {
        guard let adminSocket, !isDirectory(parent(of: adminSocket)) else { return }
        throw ConfigurationError("admin-socket \(adminSocket): there is no directory \(parent(of: adminSocket)): create it")
    }

    private func checkRecoveryToken() throws(ConfigurationError) {
        guard let recoveryTokenFile else { return }
        do throws(RecoveryError) {
            _ = try TokenFile(path: recoveryTokenFile)
        } catch {
            throw ConfigurationError("recovery-token-file: \(error)")
        }
    }

    private func checkRecoveryCertificates() throws(ConfigurationError) {
        do throws(RecoveryError) {
            _ = try recoveryTLS.clientConfiguration()
        } catch {
            throw ConfigurationError("recovery-ca, recovery-certificate, recovery-key: \(error)")
        }
    }
}

extension ExportConfiguration {
    fileprivate func check() throws(ConfigurationError) {
        guard let resolved = realpath(path, nil) else {
            let remedy = errno == ENOENT ? "create it, or mount the volume there" : "give a directory the server may read"
            throw ConfigurationError("export \(path): \(lastError()): \(remedy)")
        }
        defer { free(resolved) }
        let directory = String(cString: resolved)
        guard isDirectory(directory) else {
            throw ConfigurationError("export \(path) is not a directory: give the directory the volume is mounted on")
        }
        guard !allowsUnmounted else { return }
        // Device numbers alone would miss a directory of a file system that is bound to another place.
        guard let mountInfo = MountInfo.current() else {
            throw ConfigurationError("/proc/self/mountinfo: \(lastError()): mount /proc, or give --allow-unmounted")
        }
        guard mountInfo.mounts.contains(where: { $0.path == directory }) else {
            throw ConfigurationError(
                "export \(path): nothing is mounted there: mount the volume, or give --allow-unmounted to export the directory as it is")
        }
    }
}

private func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

/// The directory that holds an absolute path; `/` for `/`.
private func parent(of path: String) -> String {
    "/" + path.split(separator: "/").dropLast().joined(separator: "/")
}

private func lastError() -> String {
    String(cString: strerror(errno))
}
