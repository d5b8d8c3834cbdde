import FerryEngine
package import FerryRuntime

extension Merge: KerasLayer {
    package static let kerasClasses = Merge.Function.allCases.map(\.rawValue)

    package init(keras config: inout KerasConfig) throws {
        self.init(Function(rawValue: config.className) ?? .add)
        maskMerge = config.version.isKeras3 ? .any : .all
    }

    package func kerasClass(_ version: KerasVersion) -> String { function.rawValue }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [] }
}

extension Concatenate: KerasLayer {
    package static let kerasClasses = ["Concatenate"]

    package init(keras config: inout KerasConfig) throws {
        self.init(axis: try config.int("axis", default: -1))
        maskMerge = config.version.isKeras3 ? .any : .all
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [("axis", .int(axis))] }
}
