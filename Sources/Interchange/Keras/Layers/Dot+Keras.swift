import FerryEngine
package import FerryRuntime

extension Dot: KerasLayer {
    package static let kerasClasses = ["Dot"]

    package init(keras config: inout KerasConfig) throws {
        let axes = try config.ints("axes")
        guard axes.count == 1 || axes.count == 2 else {
            throw FerryError(.unsupported, found: "axes \(axes)", expected: "one for each of two inputs")
        }
        self.init(axes: (axes[0], axes[axes.count - 1]), normalizes: try config.bool("normalize", default: false))
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("axes", axes.kerasList), ("normalize", .bool(normalizes))]
    }
}
