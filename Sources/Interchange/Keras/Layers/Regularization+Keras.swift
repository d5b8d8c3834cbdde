import FerryEngine
package import FerryRuntime

extension Dropout: KerasLayer {
    package static let kerasClasses = [
        "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout",
        "AlphaDropout", "ActivityRegularization",
    ]

    package init(keras config: inout KerasConfig) throws {
        func rate() throws -> Double { try config.double("rate", "p", default: 0.5) }
        switch config.className {
        case "GaussianNoise": self.init(.gaussian(deviation: try config.double("stddev", "sigma", default: 1)))
        case "GaussianDropout": self.init(.gaussianDropout(rate: try rate()))
        case "AlphaDropout": self.init(.alpha(rate: try rate(), shape: try config.optionalInts("noise_shape")))
        case "ActivityRegularization":
            self.init(
                .activityPenalty(l1: try config.double("l1", default: 0), l2: try config.double("l2", default: 0)))
        case "Dropout":
            self.init(
                .dropout(
                    rate: try rate(), shape: try config.optionalInts("noise_shape"), seed: config.take("seed")?.intValue
                ))
        default:
            let axes = config.className.dropLast().last?.wholeNumberValue ?? 1
            self.init(.spatial(rate: try rate(), axes: axes))
        }
        config.ignore("seed", "noise_shape", "data_format")
    }

    package func kerasClass(_ version: KerasVersion) -> String {
        switch noise {
        case .dropout: "Dropout"
        case .spatial(_, let axes): "SpatialDropout\(axes)D"
        case .gaussian: "GaussianNoise"
        case .gaussianDropout: "GaussianDropout"
        case .alpha: "AlphaDropout"
        case .activityPenalty: "ActivityRegularization"
        }
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        func list(_ shape: [Int?]?) -> JSONValue {
            shape.map { .array($0.map { $0.map(JSONValue.int) ?? .null }) } ?? .null
        }
        return switch noise {
        case .dropout(let rate, let shape, let seed):
            [
                ("rate", .double(rate)), ("noise_shape", list(shape)), ("seed", seed.map(JSONValue.int) ?? .null),
            ]
        case .spatial(let rate, _), .gaussianDropout(let rate): [("rate", .double(rate))]
        case .gaussian(let deviation): [("stddev", .double(deviation))]
        case .alpha(let rate, let shape): [("rate", .double(rate)), ("noise_shape", list(shape))]
        case .activityPenalty(let l1, let l2): [("l1", .double(l1)), ("l2", .double(l2))]
        }
    }
}
