import FileSystem
import Logging
import NFSProtocol
import NFSState
import RPC
import RPCSecurity
import Synchronization
import XDR

/// The NFSv4.1 server: answers records that connections bring (RFC 8881).
///
/// It knows neither sockets nor disks: connections, file systems and the record of clients are given to it.
package final class NFSServer: RPCService {
    /// The program number of NFS (RFC 8881 §16).
    package static let program: UInt32 = 100003
    package static let version: UInt32 = 4

    let nameSpace: ServedNameSpace
    let limits: Limits
    let clock: ServerClock
    let log: Logger
    let recovery: Recovery
    let instance: ServerInstance
    /// Names the server to clients (RFC 8881 §2.10.4).
    let owner: String
    /// How users and groups are written.
    let owners: OwnerNames
    /// Who makes requests, where the machine is asked for it.
    let identities: Identities
    package let clients: Mutex<ClientTable>
    let sessions: SessionTable
    let files: FileStateShards
    let backChannels: BackChannels
    /// Since when recorded clients were seen to hold nothing.
    let idleSince = Mutex([ClientID: MonotonicTime]())
    let pool: BufferPool
    /// Told what the device failed with. When it returns true the client is asked to try again.
    let onDeviceError: (@Sendable (NFSStatus) -> Bool)?
    /// What proves who makes calls with RPCSEC_GSS; nil when they are refused.
    let kerberos: KerberosService?
    /// Threads for operations that wait for a device.
    let workers: WorkerPool
    /// Threads for operations that might.
    let briefWorkers: BriefWorkers
    /// Threads on which compounds go on that were held for another reason.
    let continuations = WorkerPool(threads: 2)
    private let flushQueue = FlushQueue()
    let counters = OperationCounters()
    let slowOperations: SlowOperations
    /// What it takes for them, at hand for every request.
    let slowNanoseconds: UInt64
    let listings = ListingQueue()
    /// Whether nobody is served for now.
    let holds = Atomic<Bool>(false)
    /// The upper half of the write verifier is this instance's; the lower counts failures to make writes durable.
    private let failedCommits = Atomic<UInt32>(0)

    /// - Parameters:
    ///   - instance: differs from that of every earlier instance of this server; the time it was started, in milliseconds, will do.
    ///   - owner: equal after a restart, wherever it takes place (so_major_id and scope, RFC 8881 §2.10.4).
    ///   - kerberos: the keys of the service; without them RPCSEC_GSS is refused.
    ///   - onDeviceError: told what the device failed with (`io`, `nxio`, `rofs`) when an operation did. When it returns true the client is
    ///     asked to try again (NFS4ERR_DELAY), as for somebody who mends it.
    package init(
        nameSpace: NameSpace, limits: Limits, storage: any RecoveryStorage, instance: UInt32, owner: String,
        owners: OwnerNames = OwnerNames(), identities: Identities, workerThreads: Int = 16,
        pool: BufferPool = BufferPool(), clock: ServerClock = .monotonic, kerberos: AcceptorCredential? = nil,
        onDeviceError: (@Sendable (NFSStatus) -> Bool)? = nil, log: Logger
    ) {
        let served = ServedNameSpace(nameSpace)
        self.nameSpace = served
        self.limits = limits
        self.clock = clock
        self.log = log
        self.pool = pool
        self.owner = owner
        self.owners = owners
        self.identities = identities
        self.instance = ServerInstance(rawValue: instance)
        self.onDeviceError = onDeviceError
        let kerberos = kerberos.map { KerberosService($0, limits, clock) }
        self.kerberos = kerberos
        slowOperations = SlowOperations(seconds: limits.slowOperationSeconds, log: log)
        slowNanoseconds = slowOperations.nanoseconds
        workers = WorkerPool(threads: workerThreads)
        briefWorkers = BriefWorkers(threads: workerThreads)
        recovery = Recovery(
            storage: storage, grace: .seconds(Int64(limits.graceSeconds)), clock: clock, log: log,
            actAsServer: { served.actAsServer() })
        backChannels = BackChannels(
            CallbackMeans(
                pool: pool, timeLimit: .milliseconds(limits.callbackMilliseconds), clock: clock, kerberos: kerberos,
                actAsServer: { served.actAsServer() }))
        sessions = SessionTable()
        clients = Mutex(
            ClientTable(
                instance: self.instance, limits: limits.state, lease: .seconds(Int64(limits.leaseSeconds)), sessions: sessions))
        files = FileStateShards(instance: self.instance, limits: limits.state)
    }

    /// Reads the record of clients and opens the grace period if one is needed. Until it returns, clients that introduce
    /// themselves are asked to wait. Then watches over leases until the task is cancelled.
    package func run(onReady: () async throws -> Void) async throws {
        try await recovery.start()
        try await onReady()
        try await watchLeases()
    }

    // MARK: Durability of writes

    /// Changes when writes that were acknowledged as unstable may be lost: with each instance, and when the device refused
    /// to take some (RFC 8881 §18.32.3).
    var writeVerifier: Verifier { Verifier(rawValue: UInt64(instance.rawValue) << 32 | UInt64(failedCommits.load(ordering: .relaxed))) }

    /// Tells clients, by a new write verifier, to send again what was not committed.
    package func setWritesLost() { failedCommits.wrappingAdd(1, ordering: .relaxed) }

    /// The same, if `status` says that the device did not take it.
    private func lostWrites(_ status: NFSStatus) {
        if [.io, .nospc, .dquot, .rofs].contains(status) { setWritesLost() }
    }

    /// Holds a compound until what is written to `file` by now is on stable storage, together with others that wait for the same.
    func flush(_ file: any OpenFile, of key: FileHandle, _ written: Written?, for compound: Compound) {
        flush(key, FlushQueue.Waiter(compound: compound, written: written)) {
            do throws(NFSStatus) {
                try file.commit(mayBlock: true)
                return .ok
            } catch {
                // Before anybody hears of this flush, and before the next one begins: that would find nothing of what was lost, and
                // those it is for must not take an unchanged verifier for a success.
                self.lostWrites(error)
                return error
            }
        }
    }

    /// The same for the names and attributes of `node`.
    func persist(_ node: any Node, for compound: Compound) {
        flush(FileHandle(node.fileSystemIdentity.folded, node.handle)!, FlushQueue.Waiter(compound: compound, written: nil)) {
            do throws(NFSStatus) {
                try node.persist()
                return .ok
            } catch {
                // Removed since: there is nothing of it left to keep. Other words for a failure not all operations on names have.
                return error == .stale ? .ok : .io
            }
        }
    }

    private func flush(_ file: FileHandle, _ waiter: FlushQueue.Waiter, _ flush: @escaping () -> NFSStatus) {
        guard flushQueue.join(file, waiter) else { return }
        workers.submit { self.flushOnce(file, flush) }
    }

    /// Flushes a file, on a worker, for all that wait for it by now.
    private func flushOnce(_ file: FileHandle, _ flush: @escaping () -> NFSStatus) {
        let waiters = flushQueue.begin(file)
        let begin = clock.now()
        let status = flush()
        counters.own.flush(took: clock.now() &- begin)
        for waiter in waiters {
            waiter.compound.flushed = Flushed(written: waiter.written, status: status)
            advance(waiter.compound)
        }
        // Behind what has come for other files meanwhile: one that is written to all the time must not have the thread for itself.
        if flushQueue.end(file) { workers.submitNext { self.flushOnce(file, flush) } }
    }

    // MARK: Requests

    private static let served = RPCProgram(number: program, versions: version...version, procedures: 2)

    package func receive(_ record: Record, on connection: any RPCConnection) {
        let context = context(of: connection)
        switch RPCCall.decode(record.bytes, for: Self.served, credentials: &context.credentials) {
        case .call(let call):
            guard call.procedure != 0 else { return answer(.success, to: call.xid, on: connection) }
            guard
                let compound = Compound(
                    .named(call.credential), record, at: call.argumentsOffset, xid: call.xid, callLength: record.range.count,
                    on: connection, context, server: self, pool: pool)
            else { return answer(.garbageArguments, to: call.xid, on: connection) }
            advance(compound)
        case .gss(let call): receive(call, record, on: connection, context)
        case .refused(let xid, let reply): answer(reply, to: xid, on: connection)
        case .reply(let xid): context.path.receive(record, to: xid, backChannels.means)
        case .undecodable: connection.close()
        }
    }

    package func closed(_ connection: any RPCConnection) {
        let context = context(of: connection)
        nameSpace.removeReader(context)
        let sessions = context.unbind()
        context.path.close()
        for session in sessions { backChannels.find(session)?.unbind(context.id) }
    }

    package func takeOver(_ work: @escaping BriefWork) { briefWorkers.submit(work) }

    private func context(of connection: any RPCConnection) -> ConnectionContext {
        if let context = connection.attachment as? ConnectionContext { return context }
        let context = ConnectionContext(connection)
        connection.attachment = context
        nameSpace.addReader(context)
        return context
    }

    /// Answers a call without results.
    func answer(_ reply: RPCReply, to xid: UInt32, on connection: any RPCConnection) {
        var writer = XDRWriter(pool: pool, startingAt: RecordMark.length, limit: 512)
        reply.write(to: &writer, xid: xid)
        let (buffer, count) = writer.detach()
        connection.send(buffer, count: count)
    }
}
