// swift-tools-version: 6.2
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableExperimentalFeature("Lifetimes"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

func module(_ name: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = [], resources: [Resource] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: swiftSettings)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(
        name: name, dependencies: dependencies, swiftSettings: swiftSettings,
        // All symbols are looked up at the start, so that no call has to read the tables of symbols into memory later.
        linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])])
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: exclude,
        // Half of the time to compile them goes into making them fast.
        swiftSettings: swiftSettings + [.unsafeFlags(["-Onone"])])
}

let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

let package = Package(
    name: "remuda",
    products: [
        .executable(name: "nfs-server", targets: ["nfs-server"]),
        .executable(name: "nfs-bench", targets: ["nfs-bench"]),
        .executable(name: "recovery-backend", targets: ["recovery-backend"]),
        .executable(name: "share-manager", targets: ["share-manager"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/grpc/grpc-swift-2", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport", from: "2.9.2"),
        .package(url: "https://github.com/grpc/grpc-swift-protobuf", from: "2.4.1"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // System libraries and C shims.
        .target(name: "CLinux"),
        .systemLibrary(name: "CTirpc", pkgConfig: "libtirpc", providers: [.apt(["libtirpc-dev"])]),
        .systemLibrary(name: "CGSSAPI", providers: [.apt(["libkrb5-dev"])]),
        .systemLibrary(name: "CACL", providers: [.apt(["libacl1-dev"])]),
        .systemLibrary(name: "CBlkid", providers: [.apt(["libblkid-dev"])]),

        module("Threads", ["CLinux"]),

        // The wire.
        module("XDR"),
        module("RPC", ["XDR", "CTirpc"]),
        module("NFSProtocol", ["XDR"]),
        module("Transport", ["RPC", "XDR", "Threads", "CLinux", log, .product(name: "DequeModule", package: "swift-collections")]),

        // What is kept: files, state, identities, recovery.
        module("FileSystem", ["NFSProtocol"]),
        module("LocalFileSystem", ["FileSystem", "NFSProtocol", "Threads", "CLinux", "CACL"]),
        module("MemoryFileSystem", ["FileSystem", "NFSProtocol"]),
        module("NFSState", ["NFSProtocol"]),
        module("RPCSecurity", ["CGSSAPI", "NFSProtocol", "RPC", "XDR"]),
        module("Exposition"),
        module(
            "RecoveryBackend",
            [
                "Exposition",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "DequeModule", package: "swift-collections"),
                lifecycle, log,
            ],
            resources: [.embedInCode("REST/openapi.json")]),
        module("RecoveryJournal", ["CLinux"]),

        // The server: the engine knows no socket and no disk, the daemon puts the parts together.
        module(
            "NFSServer",
            [
                "XDR", "RPC", "NFSProtocol", "NFSState", "FileSystem", "RPCSecurity", "Threads", "CLinux", log,
                .product(name: "DequeModule", package: "swift-collections"),
            ]),
        module(
            "NFSDaemon",
            [
                "NFSServer", "LocalFileSystem", "RPCSecurity", "Transport", "RecoveryBackend", "RecoveryJournal", "Exposition", "CLinux",
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                .product(name: "Yams", package: "Yams"),
                lifecycle, unixSignals, log,
            ]),
        module(
            "ShareManager",
            [
                "NFSDaemon", "NFSServer", "NFSProtocol", "LocalFileSystem", "CBlkid", "CLinux",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Subprocess", package: "swift-subprocess"),
                log,
            ],
            exclude: ["Protocol/share_manager.proto", "Protocol/health.proto"]),
        program("nfs-server", ["NFSDaemon", "NFSServer", argumentParser]),
        program("share-manager", ["ShareManager", "NFSDaemon", "NFSServer", argumentParser]),
        program("nfs-bench", ["ChildProcesses", "NFSTestClient", argumentParser]),
        program("recovery-backend", ["RecoveryBackend", argumentParser, lifecycle, unixSignals, log]),

        // Tests. Those that run a program depend on it, so that it is built before they start.
        tests("XDRTests", ["XDR"]),
        tests("RPCTests", ["RPC", "XDR", "CTirpc"]),
        tests("TransportTests", ["Transport", "RPC", "XDR", "CLinux", "CTirpc", log]),
        tests("FileSystemTests", ["FileSystem", "LocalFileSystem", "MemoryFileSystem", "NFSProtocol", "CLinux", "ChildProcesses"]),
        tests("NFSProtocolTests", ["NFSProtocol", "XDR"]),
        tests("NFSStateTests", ["NFSState", "NFSProtocol"]),
        .target(
            name: "KerberosLab", dependencies: ["CGSSAPI", "ChildProcesses", "NFSTestClient"], path: "Tests/KerberosLab",
            swiftSettings: swiftSettings),
        tests(
            "SecurityTests",
            [
                "RPCSecurity", "KerberosLab", "NFSServer", "NFSTestServer", "NFSTestClient", "ConformanceRecord", "MemoryFileSystem",
                "FileSystem", "NFSProtocol", "RPC", "XDR", "CTirpc", "CGSSAPI", "nfs-server",
            ]),
        tests("RecoveryBackendTests", ["RecoveryBackend", "ChildProcesses", "recovery-backend"]),
        tests("RecoveryJournalTests", ["RecoveryJournal"]),
        tests(
            "NFSDaemonTests",
            ["NFSDaemon", "NFSServer", "ChildProcesses", "NFSTestClient", "RecoveryBackend", "RecoveryJournal", "nfs-server"]),
        .target(name: "ChildProcesses", path: "Tests/ChildProcesses", swiftSettings: swiftSettings),
        .target(
            name: "NFSTestClient", dependencies: ["ChildProcesses"], path: "Tests/NFSTestClient", swiftSettings: swiftSettings),
        .target(
            name: "ConformanceRecord", dependencies: ["NFSTestClient"], path: "Tests/ConformanceRecord", swiftSettings: swiftSettings),
        .executableTarget(
            name: "conformance-table", dependencies: ["NFSTestClient", argumentParser], path: "Tests/ConformanceTable",
            swiftSettings: swiftSettings),
        .target(
            name: "NFSTestServer",
            dependencies: [
                "NFSTestClient", "NFSServer", "MemoryFileSystem", "FileSystem", "NFSProtocol", "RPC", "RPCSecurity", "XDR", log,
            ],
            path: "Tests/NFSTestServer", swiftSettings: swiftSettings),
        tests(
            "NFSServerTests",
            [
                "NFSServer", "NFSTestServer", "ConformanceRecord", "NFSTestClient", "MemoryFileSystem", "FileSystem", "NFSProtocol", "RPC",
                log,
            ]),
        tests(
            "Conformance",
            [
                "ChildProcesses", "NFSTestClient", "NFSTestServer", "ConformanceRecord", "RecoveryJournal", "conformance-table",
                "nfs-server", "recovery-backend",
            ]),
        // What contexts leave behind, and what is touched that must not be (scripts/check).
        .systemLibrary(name: "CMalloc", path: "Tests/CMalloc"),
        .executableTarget(
            name: "security-memory",
            dependencies: ["CMalloc", "KerberosLab", "NFSServer", "NFSTestServer", "NFSTestClient", argumentParser],
            path: "Tests/SecurityMemory",
            swiftSettings: swiftSettings),
        tests(
            "ShareManagerTests",
            [
                "ShareManager", "ChildProcesses", "NFSTestClient", "share-manager",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"), log,
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
                .product(name: "GRPCProtobuf", package: "grpc-swift-protobuf"),
                .product(name: "SwiftProtobuf", package: "swift-protobuf"),
            ]),
        // What hot operations cost, counted in the process (scripts/check).
        .target(name: "CCosts", path: "Benchmarks/CCosts"),
        .executableTarget(
            name: "hot-paths",
            dependencies: [
                "CCosts", "NFSServer", "NFSTestServer", "NFSTestClient", "LocalFileSystem", "MemoryFileSystem", "FileSystem", "RPC", "XDR",
                log, argumentParser,
            ],
            path: "Benchmarks/HotPaths", swiftSettings: swiftSettings),
        .executableTarget(
            name: "client-workload", dependencies: [argumentParser], path: "Tests/ClientWorkload", swiftSettings: swiftSettings),
        tests(
            "RealClient", ["RecoveryJournal", "KerberosLab", "client-workload", "recovery-backend", "nfs-server", "share-manager"],
            exclude: ["Jobs", "Machinery/client-init", "Machinery/laboratory"]),
    ],
    swiftLanguageModes: [.v6]
)
