// swift-tools-version: 6.1
import PackageDescription

// Shows that Ferry can be a dependency: it uses no unsafe flags, and its C libraries come along.
let package = Package(
    name: "client",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "Ferry", path: "../..")],
    targets: [.executableTarget(name: "client", dependencies: [.product(name: "Ferry", package: "Ferry")])]
)
