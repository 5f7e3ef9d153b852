import Testing

/// Runs a suite beside a cluster that is booted before its first test and gone after its last.
struct ClusterTrait: SuiteTrait, TestScoping {
    let plan: Cluster.Plan

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await Cluster.running(plan, perform: function)
    }
}

extension Trait where Self == ClusterTrait {
    static func cluster(_ plan: Cluster.Plan) -> Self {
        ClusterTrait(plan: plan)
    }
}
