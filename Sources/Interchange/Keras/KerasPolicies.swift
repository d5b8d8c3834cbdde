package import FerryEngine
package import FerryRuntime

/// How Keras names the making and holding of parameters. What it names for itself only is kept out of the numbers:
/// weights come from the file, so an unknown initialiser reads as zeros.
extension KerasConfig {
    /// `kernel_initializer`, `kernel_regularizer` and `kernel_constraint` for the prefix `kernel`.
    ///
    /// - Parameters:
    ///   - prefix: the parameter's name in the settings.
    ///   - old: the names that Keras 1 has for the initialiser, the regulariser and the constraint.
    ///   - fallback: what stands where nothing is said.
    package mutating func policy(
        _ prefix: String, old: (initializer: String, regularizer: String, constraint: String)? = nil,
        default fallback: Initializer
    ) throws -> ParameterPolicy {
        let initializer = take("\(prefix)_initializer") ?? old.flatMap { take($0.initializer) }
        let regularizer = take("\(prefix)_regularizer") ?? old.flatMap { take($0.regularizer) }
        let constraint = take("\(prefix)_constraint") ?? old.flatMap { take($0.constraint) }
        return ParameterPolicy(
            initializer.map(Initializer.init(keras:)) ?? fallback,
            regularizer: try regularizer.flatMap { value in
                try locating("setting '\(prefix)_regularizer'") { try Regularizer(keras: value) }
            },
            constraint: try constraint.flatMap { value in
                try locating("setting '\(prefix)_constraint'") { try Constraint(keras: value) }
            })
    }
}

/// An object as Keras writes it: `{"class_name": …, "config": {…}}`, `{"name": …, …}` in Keras 1, or a bare name.
private func classAndSettings(_ value: JSONValue) -> (name: String, settings: JSONValue) {
    if let name = value.stringValue { return (name, [:]) }
    let name = value["class_name"]?.stringValue ?? value["name"]?.stringValue ?? ""
    return (name.split(separator: ">").last.map(String.init) ?? name, value["config"] ?? value)
}

extension Initializer {
    /// The initialiser that Keras writes as `value`.
    init(keras value: JSONValue) {
        let (name, settings) = classAndSettings(value)
        func number(_ key: String, _ fallback: Double) -> Double { settings[key]?.doubleValue ?? fallback }
        func scaled(_ scale: Double, _ fan: Fan, _ distribution: Distribution) -> Initializer {
            .varianceScaling(scale: scale, fan: fan, distribution: distribution)
        }
        self =
            switch name.snakeCased {
            case "ones", "one": .ones
            case "constant": .constant(number("value", 0))
            case "random_uniform", "uniform":
                .uniform(minimum: number("minval", -0.05), maximum: number("maxval", 0.05))
            case "random_normal", "normal": .normal(mean: number("mean", 0), deviation: number("stddev", 0.05))
            case "truncated_normal": .truncatedNormal(mean: number("mean", 0), deviation: number("stddev", 0.05))
            case "variance_scaling":
                scaled(
                    number("scale", 1), Fan(rawValue: settings["mode"]?.stringValue ?? "") ?? .input,
                    Distribution(keras: settings["distribution"]?.stringValue))
            case "glorot_uniform": .glorotUniform
            case "glorot_normal": scaled(1, .average, .truncatedNormal)
            case "he_uniform": scaled(2, .input, .uniform)
            case "he_normal": scaled(2, .input, .truncatedNormal)
            case "lecun_uniform": scaled(1, .input, .uniform)
            case "lecun_normal": scaled(1, .input, .truncatedNormal)
            case "orthogonal", "orthogonal_initializer": .orthogonal(gain: number("gain", 1))
            case "identity", "identity_initializer": .identity(gain: number("gain", 1))
            default: .zeros
            }
    }

    /// The class and the settings that Keras has for it.
    package var keras: (className: String, settings: JSONValue) {
        switch self {
        case .zeros: ("Zeros", [:])
        case .ones: ("Ones", [:])
        case .constant(let value): ("Constant", ["value": .double(value)])
        case .uniform(let minimum, let maximum):
            ("RandomUniform", ["minval": .double(minimum), "maxval": .double(maximum), "seed": .null])
        case .normal(let mean, let deviation):
            ("RandomNormal", ["mean": .double(mean), "stddev": .double(deviation), "seed": .null])
        case .truncatedNormal(let mean, let deviation):
            ("TruncatedNormal", ["mean": .double(mean), "stddev": .double(deviation), "seed": .null])
        case .glorotUniform: ("GlorotUniform", ["seed": .null])
        case .varianceScaling(let scale, let fan, let distribution):
            (
                "VarianceScaling",
                [
                    "scale": .double(scale), "mode": .string(fan.rawValue),
                    "distribution": .string(distribution.rawValue), "seed": .null,
                ]
            )
        case .orthogonal(let gain): ("Orthogonal", ["gain": .double(gain), "seed": .null])
        case .identity(let gain): ("Identity", ["gain": .double(gain)])
        }
    }
}

extension Initializer.Distribution {
    /// The distribution that Keras calls `name`; `normal` has meant truncated since Keras 2.
    init(keras name: String?) {
        self = name == "normal" ? .truncatedNormal : name.flatMap(Self.init(rawValue:)) ?? .truncatedNormal
    }
}

extension Regularizer {
    /// The regulariser that Keras writes as `value`; nil where it adds nothing.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` for one that is not Keras's.
    init?(keras value: JSONValue) throws {
        let (name, settings) = classAndSettings(value)
        let l1 = settings["l1"]?.doubleValue
        let l2 = settings["l2"]?.doubleValue
        switch name.lowercased() {
        case "l1": self = .l1l2(l1: l1 ?? 0.01, l2: 0)
        case "l2": self = .l1l2(l1: 0, l2: l2 ?? 0.01)
        case "l1l2", "l1_l2", "l1l2regularizer", "weightregularizer", "activityregularizer":
            self = .l1l2(l1: l1 ?? 0, l2: l2 ?? 0)
        case "orthogonalregularizer", "orthogonal_regularizer":
            self = .orthogonal(
                factor: settings["factor"]?.doubleValue ?? 0.01, columns: settings["mode"]?.stringValue == "columns")
        default:
            throw FerryError(.unsupported, found: "a regularizer '\(name)'", expected: "one of keras.regularizers")
        }
        if self == .l1l2(l1: 0, l2: 0) { return nil }
    }

    /// The class and the settings that Keras has for it.
    package var keras: (className: String, settings: JSONValue) {
        switch self {
        case .l1l2(let l1, 0): ("L1", ["l1": .double(l1)])
        case .l1l2(0, let l2): ("L2", ["l2": .double(l2)])
        case .l1l2(let l1, let l2): ("L1L2", ["l1": .double(l1), "l2": .double(l2)])
        case .orthogonal(let factor, let columns):
            ("OrthogonalRegularizer", ["factor": .double(factor), "mode": .string(columns ? "columns" : "rows")])
        }
    }
}

extension Constraint {
    /// The constraint that Keras writes as `value`.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` for one that is not Keras's.
    init(keras value: JSONValue) throws {
        let (name, settings) = classAndSettings(value)
        func number(_ keys: String..., fallback: Double) -> Double {
            keys.lazy.compactMap { settings[$0]?.doubleValue }.first ?? fallback
        }
        let axes = settings["axis"]?.intList ?? [0]
        switch name.snakeCased.replacingUnderscores {
        case "maxnorm": self = .maxNorm(maximum: number("max_value", "m", fallback: 2), axes: axes)
        case "nonneg": self = .nonNegative
        case "unitnorm": self = .unitNorm(axes: axes)
        case "minmaxnorm":
            self = .minMaxNorm(
                minimum: number("min_value", fallback: 0), maximum: number("max_value", fallback: 1),
                rate: number("rate", fallback: 1), axes: axes)
        default:
            throw FerryError(.unsupported, found: "a constraint '\(name)'", expected: "one of keras.constraints")
        }
    }

    /// The class and the settings that Keras has for it.
    package var keras: (className: String, settings: JSONValue) {
        func axis(_ axes: [Int]) -> JSONValue { axes.count == 1 ? .int(axes[0]) : .array(axes.map(JSONValue.int)) }
        return switch self {
        case .maxNorm(let maximum, let axes): ("MaxNorm", ["max_value": .double(maximum), "axis": axis(axes)])
        case .nonNegative: ("NonNeg", [:])
        case .unitNorm(let axes): ("UnitNorm", ["axis": axis(axes)])
        case .minMaxNorm(let minimum, let maximum, let rate, let axes):
            (
                "MinMaxNorm",
                [
                    "min_value": .double(minimum), "max_value": .double(maximum), "rate": .double(rate),
                    "axis": axis(axes),
                ]
            )
        }
    }
}

extension String {
    /// `maxnorm` from `max_norm`: Keras has written both.
    fileprivate var replacingUnderscores: String { filter { $0 != "_" } }
}
