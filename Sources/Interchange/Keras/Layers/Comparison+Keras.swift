package import FerryEngine
package import FerryRuntime

extension Comparison: KerasLayer {
    private static let table: [(className: String, relation: Relation)] = [
        ("NotEqual", .notEqual), ("Equal", .equal), ("Greater", .greater), ("GreaterEqual", .greaterOrEqual),
        ("Less", .less), ("LessEqual", .lessOrEqual),
    ]
    package static let kerasClasses = table.map(\.className)

    package init(keras config: inout KerasConfig) throws {
        let className = config.className
        self.init(Self.table.first { $0.className == className }?.relation ?? .equal)
    }

    package func kerasClass(_ version: KerasVersion) -> String {
        Self.table.first { $0.relation == relation }?.className ?? "Equal"
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [] }
}
