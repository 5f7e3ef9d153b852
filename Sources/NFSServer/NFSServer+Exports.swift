import FileSystem
import NFSState

/// How other exports come into force while clients are served, and how nobody is.
extension NFSServer {
    /// Answers whatever asks for a file with NFS4ERR_DELAY from now on, without asking the file system, or serves everybody again. Waits for
    /// nothing: a request under way meets it at its next operation. Sessions live on, and the record of clients stays as it is.
    package func setHeld(_ isHeld: Bool) { holds.store(isHeld, ordering: .relaxed) }

    package var isHeld: Bool { holds.load(ordering: .relaxed) }

    /// Serves another name space from the next request of each client on. What lies on file systems that both have, the same
    /// objects, stays open and locked, whatever rules hold now. What was opened on others is revoked, as an administrator would
    /// (RFC 8881 §8.5): their filehandles are stale, so clients cannot give it back themselves.
    /// - Returns: ends when the last request is answered that saw the name space before.
    @discardableResult
    package func serve(_ nameSpace: NameSpace) -> Task<Void, Never> {
        let old = self.nameSpace.replace(with: nameSpace)
        let gone = old.exports.map(\.fileSystem).filter { old in !nameSpace.exports.contains { $0.fileSystem === old } }
        nameSpace.actAsServer()
        return Task { [weak old] in
            while true {
                // A request under way still sees it and may open something: until the last one is answered.
                let isUnused = old == nil
                if !gone.isEmpty { revokeOpens(on: gone) }
                guard !isUnused else { return }
                try? await Task.sleep(for: .milliseconds(20))
            }
        }
    }

    private func revokeOpens(on gone: [any FileSystem]) {
        let released = files.revokeOpens(now: now) { resource in
            (resource as? any OpenFile).map { file in gone.contains { $0.hasOpened(file) } } ?? false
        }
        notify(released.freed)
    }
}
