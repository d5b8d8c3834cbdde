import FerryEngine
package import FerryRuntime

extension Rescaling: KerasLayer {
    package static let kerasClasses = ["Rescaling"]

    package init(keras config: inout KerasConfig) throws {
        guard let scale = try config.numbers("scale") else {
            throw FerryError(.missingKey, found: "no setting 'scale'", expected: "a number")
        }
        self.init(scale: scale, offset: try config.numbers("offset") ?? Tensor(scalar: Float(0)))
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("scale", scale.kerasNumbers), ("offset", offset.kerasNumbers)]
    }
}

extension Normalization: KerasLayer {
    package static let kerasClasses = ["Normalization"]

    package init(keras config: inout KerasConfig) throws {
        // An axis that is null means one mean and variance for everything.
        let isGiven = config.has("axis")
        self.init(axes: config.take("axis").map { $0.intList ?? [-1] } ?? (isGiven ? [] : [-1]))
        isInverse = try config.bool("invert", default: false)
        let (mean, variance) = (try config.numbers("mean"), try config.numbers("variance"))
        statistics = mean.flatMap { mean in variance.map { (mean, $0) } }
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [
            ("axis", axes.isEmpty ? .null : axes.kerasList), ("invert", .bool(isInverse)),
            ("mean", statistics?.mean.kerasNumbers ?? .null), ("variance", statistics?.variance.kerasNumbers ?? .null),
        ]
    }
}

extension KerasConfig {
    /// Numbers of any shape; nil where nothing is said.
    fileprivate mutating func numbers(_ name: String) throws -> Tensor? {
        try take(name).map { value in
            guard let tensor = Tensor(kerasConstant: value) else { throw unexpected(value, name, "numbers") }
            return tensor.cast(to: .float32)
        }
    }
}

extension Tensor {
    /// The numbers as nested lists.
    var kerasNumbers: JSONValue {
        guard let length = shape.first else { return dtype.isFloat ? floats[0].kerasNumber : .int(ints[0]) }
        return .array(
            (0..<length).map { sliced(axis: 0, from: $0, count: 1).reshaped(Array(shape.dropFirst())).kerasNumbers })
    }
}
