import FerryEngine
import FerryRuntime

extension Schedule {
    /// The schedule that Keras writes as `json`.
    ///
    /// - Throws: ``FerryError`` for classes and settings that are not understood.
    init(keras json: JSONValue) throws {
        let name = json["class_name"]?.stringValue ?? ""
        var config = try KerasConfig(json["config"] ?? [:], className: name, version: KerasVersion(3), context: .init())
        config.ignore("name")
        let initial = name == "PiecewiseConstantDecay" ? 0 : try config.double("initial_learning_rate")
        self =
            switch name {
            case "ExponentialDecay":
                .exponential(
                    initial: initial, steps: try config.double("decay_steps"), rate: try config.double("decay_rate"),
                    isStaircase: try config.bool("staircase", default: false))
            case "InverseTimeDecay":
                .inverseTime(
                    initial: initial, steps: try config.double("decay_steps"), rate: try config.double("decay_rate"),
                    isStaircase: try config.bool("staircase", default: false))
            case "PolynomialDecay":
                .polynomial(
                    initial: initial, steps: try config.double("decay_steps"),
                    end: try config.double("end_learning_rate", default: 0.0001),
                    power: try config.double("power", default: 1), cycles: try config.bool("cycle", default: false))
            case "CosineDecay":
                .cosine(
                    initial: initial, steps: try config.double("decay_steps"),
                    alpha: try config.double("alpha", default: 0), target: config.take("warmup_target")?.doubleValue,
                    warmup: try config.double("warmup_steps", default: 0))
            case "CosineDecayRestarts":
                .cosineRestarts(
                    initial: initial, firstSteps: try config.double("first_decay_steps"),
                    growth: try config.double("t_mul", default: 2), decay: try config.double("m_mul", default: 1),
                    alpha: try config.double("alpha", default: 0))
            case "PiecewiseConstantDecay":
                .piecewise(
                    boundaries: config.take("boundaries")?.arrayValue?.compactMap(\.doubleValue) ?? [],
                    values: config.take("values")?.arrayValue?.compactMap(\.doubleValue) ?? [])
            default:
                throw FerryError(
                    .unsupported, found: "the learning rate \(json.compactText)",
                    expected: "a number or a schedule of keras.optimizers.schedules")
            }
        try locating("schedule '\(name)'") { try config.finish() }
    }

    /// The schedule as Keras 3 writes it.
    var keras: JSONValue {
        func object(_ name: String, _ settings: JSONValue) -> JSONValue {
            [
                "module": "keras.optimizers.schedules", "class_name": .string(name), "config": settings,
                "registered_name": .null,
            ]
        }
        switch self {
        case .exponential(let initial, let steps, let rate, let isStaircase):
            return object(
                "ExponentialDecay",
                [
                    "initial_learning_rate": .double(initial), "decay_steps": .double(steps),
                    "decay_rate": .double(rate), "staircase": .bool(isStaircase), "name": "ExponentialDecay",
                ])
        case .inverseTime(let initial, let steps, let rate, let isStaircase):
            return object(
                "InverseTimeDecay",
                [
                    "initial_learning_rate": .double(initial), "decay_steps": .double(steps),
                    "decay_rate": .double(rate), "staircase": .bool(isStaircase), "name": "InverseTimeDecay",
                ])
        case .polynomial(let initial, let steps, let end, let power, let cycles):
            return object(
                "PolynomialDecay",
                [
                    "initial_learning_rate": .double(initial), "decay_steps": .double(steps),
                    "end_learning_rate": .double(end), "power": .double(power), "cycle": .bool(cycles),
                    "name": "PolynomialDecay",
                ])
        case .cosine(let initial, let steps, let alpha, let target, let warmup):
            return object(
                "CosineDecay",
                [
                    "initial_learning_rate": .double(initial), "decay_steps": .double(steps), "alpha": .double(alpha),
                    "warmup_target": target.map(JSONValue.double) ?? .null, "warmup_steps": .double(warmup),
                    "name": "CosineDecay",
                ])
        case .cosineRestarts(let initial, let firstSteps, let growth, let decay, let alpha):
            return object(
                "CosineDecayRestarts",
                [
                    "initial_learning_rate": .double(initial), "first_decay_steps": .double(firstSteps),
                    "t_mul": .double(growth), "m_mul": .double(decay), "alpha": .double(alpha),
                    "name": "SGDRDecay",
                ])
        case .piecewise(let boundaries, let values):
            return object(
                "PiecewiseConstantDecay",
                [
                    "boundaries": .array(boundaries.map(JSONValue.double)),
                    "values": .array(values.map(JSONValue.double)), "name": "PiecewiseConstant",
                ])
        }
    }
}
