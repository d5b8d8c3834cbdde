import FerryEngine
package import FerryRuntime

extension GRU: KerasLayer {
    package static let kerasClasses = ["GRU", "CuDNNGRU", "GRUV2"]

    package init(keras config: inout KerasConfig) throws {
        let isCuDNN = config.className == "CuDNNGRU"
        let gates = isCuDNN || config.version >= KerasVersion(2, 3) ? ActivationFunction.sigmoid : .hardSigmoidKeras2
        self.init(
            try config.int("units", "output_dim"), activation: try config.activation("activation", default: .tanh),
            recurrentActivation: try config.activation("recurrent_activation", "inner_activation", default: gates),
            // Before Keras 2.1.5 there was no such setting, and the reset came before.
            resetAfter: try config.bool("reset_after", default: isCuDNN || config.version.isKeras3))
        useBias = try config.bool("use_bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        recurrentKernel = try config.policy(
            "recurrent", old: ("inner_init", "U_regularizer", "U_constraint"), default: .orthogonal(gain: 1))
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        options = try RecurrentOptions(keras: &config)
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard clip == nil else {
            throw FerryError(.unsupported, found: "clipping", expected: "the GRU that Keras has")
        }
        let functions: KerasSettings = [
            ("units", .int(units)), ("activation", try version.activation(activation)),
            ("recurrent_activation", try version.activation(recurrentActivation)), ("use_bias", .bool(useBias)),
            ("reset_after", .bool(resetAfter)),
        ]
        return functions + version.settings("kernel", kernel) + version.settings("recurrent", recurrentKernel)
            + version.settings("bias", bias) + (try options.kerasSettings(version))
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        specs.weightCount(in: weights, gates: 3)
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        if weights.count == 9 { return joinedGates(weights, in: Self.gateOrder, to: Self.gateOrder) }
        guard weights.count == 3, weights[2].tensor.shape == [6 * units] else { return weights }
        return [
            KerasWeight(weights[0].name, fromCuDNN(weights[0].tensor, gates: 3, isRecurrent: false)),
            KerasWeight(weights[1].name, fromCuDNN(weights[1].tensor, gates: 3, isRecurrent: true)),
            KerasWeight(weights[2].name, weights[2].tensor.reshaped([2, 3 * units])),
        ]
    }
}
