// swift-tools-version: 6.1
import PackageDescription

let swift6: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let collections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let tested: [Target.Dependency] = ["Ferry", "FerryTestSupport", collections]

let package = Package(
    name: "Ferry",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Ferry", targets: ["Ferry"]),
        .executable(name: "ferry", targets: ["FerryCLI"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    ],
    targets: [
        .systemLibrary(
            name: "CHDF5", pkgConfig: "hdf5",
            providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
        .systemLibrary(
            name: "CZip", pkgConfig: "libzip",
            providers: [.apt(["libzip-dev"]), .brew(["libzip"])]),
        .systemLibrary(
            name: "CZlib", pkgConfig: "zlib",
            providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "CONNX", exclude: ["onnx.proto"], linkerSettings: [.linkedLibrary("protobuf-c")]),
        .target(name: "CKernels"),
        .target(name: "CAllocations"),
        .target(
            name: "FerryEngine",
            dependencies: ["CKernels", collections], path: "Sources/Engine", swiftSettings: swift6),
        .target(
            name: "FerryRuntime",
            dependencies: ["FerryEngine", collections],
            path: "Sources/Runtime", swiftSettings: swift6),
        .target(
            name: "FerryInterchange",
            dependencies: [
                "FerryRuntime", "CHDF5", "CONNX", "CZip", "CZlib",
                collections,
            ],
            path: "Sources/Interchange", swiftSettings: swift6),
        .target(
            name: "FerryData", dependencies: ["FerryEngine", "FerryRuntime", collections], path: "Sources/Data",
            swiftSettings: swift6),
        .target(
            name: "Ferry",
            dependencies: ["FerryEngine", "FerryRuntime", "FerryInterchange", "FerryData", collections],
            swiftSettings: swift6),
        .executableTarget(
            name: "FerryCLI",
            dependencies: [
                "Ferry", "CAllocations", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                collections,
            ],
            swiftSettings: swift6),
        .executableTarget(
            name: "training-bench", dependencies: ["Ferry"], path: "Benchmarks/Training", exclude: ["peers.py"],
            swiftSettings: swift6),
        .executableTarget(name: "examples", dependencies: ["Ferry"], path: "Examples/Tutorial", swiftSettings: swift6),
        .executableTarget(name: "demo", dependencies: ["Ferry"], path: "Examples/Demo", swiftSettings: swift6),
        .target(
            name: "FerryTestSupport", dependencies: ["Ferry", collections], path: "Tests/FerryTestSupport",
            swiftSettings: swift6),
        .testTarget(name: "EngineTests", dependencies: tested, swiftSettings: swift6),
        .testTarget(name: "RuntimeTests", dependencies: tested + ["CAllocations"], swiftSettings: swift6),
        .testTarget(name: "InterchangeTests", dependencies: tested, swiftSettings: swift6),
        .testTarget(name: "MutationTests", dependencies: tested, swiftSettings: swift6),
        .testTarget(name: "FerryCLITests", dependencies: tested + ["FerryCLI"], swiftSettings: swift6),
    ]
)

// Built by Scripts/fuzz.sh alone: libFuzzer brings its own `main`.
if Context.environment["FERRY_FUZZ_BUILD"] != nil {
    package.targets.append(
        .executableTarget(
            name: "ferry-fuzz", dependencies: ["Ferry"], path: "Tests/fuzz",
            swiftSettings: swift6 + [.unsafeFlags(["-parse-as-library"])]))
}
