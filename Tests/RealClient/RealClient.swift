import Testing

/// Tests with real Linux kernels as clients. One suite, because its parts share the processors and each measures time.
@Suite(.serialized, .enabled(if: Requirements.missing.isEmpty || !Requirements.mayBeSkipped, Comment(rawValue: Requirements.message)))
enum RealClient {}
