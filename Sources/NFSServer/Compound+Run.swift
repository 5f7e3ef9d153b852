import FileSystem
import NFSProtocol
import XDR

extension Compound {
    /// How far a run got.
    enum Progress {
        /// The reply is complete.
        case finished
        /// The next operation has to wait first.
        case waits(WaitReason)
    }

    /// Bytes of an operation's number and status in the reply.
    static var resultHeader: Int { 8 }

    /// Bytes of the shortest result any operation can fail with: that of SETATTR has an empty bitmap behind its status.
    static var smallestResult: Int { resultHeader + 4 }

    /// Runs operations, from the next one on, until the compound is done or has to wait (RFC 8881 §2.3, §16.2.3).
    func run() -> Progress { run(&reply) }

    private func run(_ reply: inout XDRWriter) -> Progress {
        let record = record
        let counters = server.counters.own
        var status = headerStatus
        if let body = bodyOfChange {
            status = told(flushed.take()?.status ?? .ok)
            if status == .ok, let node = nextUnflushed() { return .waits(.persistence(node)) }
            if status != .ok { fail(&reply, with: status, at: body) }
            bodyOfChange = nil
            counters.count(operation, status)
        }
        while operationsLeft > 0, status == .ok, replay == nil {
            let resultStart = reply.count
            var request = XDRReader(record.bytes, at: nextOperation)
            status = runNext(&request, &reply)
            if status == .wouldBlock {
                reply.truncate(to: resultStart)
                let reason = waitsFor ?? .worker
                waitsFor = nil
                return .waits(reason)
            }
            nextOperation = request.offset
            hasWaited = false
            operationsLeft -= 1
            operationIndex += 1
            if status == .ok, let node = nextUnflushed() {
                bodyOfChange = resultStart + Self.resultHeader
                return .waits(.persistence(node))
            }
            counters.count(operation, status)
        }
        finish(&reply, with: status)
        return .finished
    }

    /// A file that the operation before has changed and that is not flushed yet.
    private func nextUnflushed() -> (any Node)? {
        guard let unflushed, !unflushed.nodes.isEmpty else { return nil }
        return unflushed.nodes.removeFirst()
    }

    /// Makes a failure of the last result, whose body begins at `body`: what the operation did is not on stable storage.
    private func fail(_ reply: inout XDRWriter, with status: NFSStatus, at body: Int) {
        unflushed?.nodes = []
        reply.truncate(to: body)
        reply.patch(status.rawValue, at: body - 4)
    }

    private func runNext(_ request: inout XDRReader, _ reply: inout XDRWriter) -> NFSStatus {
        // The operation before has left room for this one to fail.
        reply.limit = replyLimit
        resultCount += 1
        operation = .illegal
        guard let number = try? request.uint32() else { return illegal(.badxdr, &reply) }
        guard let code = OperationCode(rawValue: number) else { return illegal(.opIllegal, &reply) }
        operation = CountedOperation(code)
        if subject.accompanies { subject = operation }
        reply.uint32(number)
        let statusPosition = reply.count
        reply.uint32(NFSStatus.ok.rawValue)
        reply.limit = replyLimit - (operationsLeft > 1 ? Self.smallestResult : 0)
        let status = told(dispatch(code, &request, &reply))
        if status == .wouldBlock { resultCount -= 1 } else if status != .ok { reply.patch(status.rawValue, at: statusPosition) }
        return status
    }

    /// What the client is told: to try again, if its operation failed for the device and somebody mends that.
    private func told(_ status: NFSStatus) -> NFSStatus {
        guard status != .ok, status == .io || status == .nxio || status == .rofs, let onDeviceError = server.onDeviceError else {
            return status
        }
        // Where nothing may be changed anyway it is no failure to say so.
        if let currentFile, exports.isReadOnly(currentFile.export) { return status }
        return onDeviceError(status) ? .delay : status
    }

    /// Answers where there is no operation: a number that none has, or nothing where the count says that one follows.
    private func illegal(_ status: NFSStatus, _ reply: inout XDRWriter) -> NFSStatus {
        reply.uint32(OperationCode.illegal)
        reply.uint32(status.rawValue)
        return status
    }

    /// Decodes and executes one operation; its result's body stands behind what is in the reply already.
    func perform<O: Operation & ~Escapable>(_ type: O.Type, _ request: inout XDRReader, _ reply: inout XDRWriter) -> NFSStatus {
        let bodyStart = reply.count
        do throws(NFSStatus) {
            try checkPlace(O.place)
            guard !isUncachedRetry else { throw .retryUncachedRep }
            guard reply.limit - bodyStart + Self.resultHeader >= O.reservedReply else { throw replyTooBig }
            let operation = try decode(type, &request)
            argumentsEnd = request.offset
            try operation.execute(in: self, reply: &reply)
            guard !reply.overflowed else { throw replyTooBig }
            return .ok
        } catch {
            reply.truncate(to: bodyStart)
            reply.limit = replyLimit
            unflushed?.nodes = []
            if error == .wouldBlock, waitsFor == nil, O.isBrief { waitsFor = .briefWorker }
            if error != .wouldBlock { O.encodeFailure(error, in: self, reply: &reply) }
            return error
        }
    }

    @_lifetime(copy request)
    private func decode<O: Operation & ~Escapable>(_ type: O.Type, _ request: inout XDRReader) throws(NFSStatus) -> O {
        do throws(XDRError) { return try O(from: &request) } catch { throw .badxdr }
    }

    /// A reply that would be sent but cannot be kept has a status of its own (RFC 8881 §15.1.3.4).
    var replyTooBig: NFSStatus { repliesMustBeCached ? .repTooBigToCache : .repTooBig }

    private func checkPlace(_ place: OperationPlace) throws(NFSStatus) {
        switch place {
        case .first: guard operationIndex == 0 else { throw .sequencePos }
        case .inSession: guard session != nil else { throw .opNotInSession }
        case .inSessionOrAlone: guard session != nil || operationCount == 1 else { throw .notOnlyOp }
        case .alone: guard operationCount == 1 else { throw .notOnlyOp }
        }
    }

    /// Completes COMPOUND4res: its status and the number of results.
    private func finish(_ reply: inout XDRWriter, with status: NFSStatus) {
        self.status = status
        reply.patch(status.rawValue, at: statusPosition)
        reply.patch(UInt32(resultCount), at: countPosition)
    }

    /// Sends the reply, on another thread where protecting it takes long.
    func send() {
        guard let kerberos = server.kerberos, let exchange, exchange.takesLong(replay?.count ?? reply.count) else { return sendAtOnce() }
        kerberos.submit(in: exchange.context) { self.sendAtOnce() }
    }

    /// Keeps the reply for a retry first: once the client sees it, it may use the slot again.
    private func sendAtOnce() {
        if let replay {
            reply.truncate(to: statusPosition)
            reply.limit = statusPosition + replay.count
            reply.encoded(replay.span.bytes)
        }
        if let slot, let session {
            session.finish(slot, keeping: reply.bytes(from: statusPosition))
        }
        let now = now
        if keepsLease { session?.client.endWaiting(now: now) }
        if operationIndex > 0 {
            let nanoseconds = now.nanoseconds &- received.nanoseconds
            server.counters.own.request(subject, took: nanoseconds)
            if nanoseconds >= server.slowNanoseconds { server.slowOperations.answered(self, after: nanoseconds, now: now) }
        }
        let isProtected = exchange?.finish(&reply, resultsAt: statusPosition) ?? true
        let (buffer, count) = reply.detach()
        // What cannot be protected must not be sent, and a client must not wait for it (RFC 2203 §5.3.3.4, RFC 8881 §2.9.2).
        if isProtected { connection.send(buffer, count: count) } else { connection.close() }
        afterReply?()
    }
}
