import FerryEngine
package import FerryRuntime

extension ConvLSTM: KerasLayer {
    package static let kerasClasses = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]

    package init(keras config: inout KerasConfig) throws {
        let gates = config.version.isKeras3 ? ActivationFunction.sigmoid : .hardSigmoidKeras2
        self.init(
            try config.int("filters", "nb_filter"), try SpatialOptions(keras: &config, axes: config.axesOfClass),
            activation: try config.activation("activation", default: .tanh),
            recurrentActivation: try config.activation("recurrent_activation", "inner_activation", default: gates))
        useBias = try config.bool("use_bias", default: true)
        unitForgetBias = try config.bool("unit_forget_bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        recurrentKernel = try config.policy(
            "recurrent", old: ("inner_init", "U_regularizer", "U_constraint"), default: .orthogonal(gain: 1))
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        config.ignore("forget_bias_init")
        options = try RecurrentOptions(keras: &config)
    }

    package func kerasClass(_ version: KerasVersion) -> String { "ConvLSTM\(window.axes)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        let functions: KerasSettings = [
            ("activation", try version.activation(activation)),
            ("recurrent_activation", try version.activation(recurrentActivation)), ("use_bias", .bool(useBias)),
            ("unit_forget_bias", .bool(unitForgetBias)),
        ]
        let run = try options.kerasSettings(version).filter {
            !["implementation", "zero_output_for_mask"].contains($0.name)
        }
        return [("filters", .int(filters))] + window.kerasSettings + functions + version.settings("kernel", kernel)
            + version.settings("recurrent", recurrentKernel) + version.settings("bias", bias) + run
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        [KerasVariableGroup("cell", specs.map(\.name))]
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        specs.weightCount(in: weights, gates: 4)
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        let joined =
            weights.count == 12 ? joinedGates(weights, in: LSTM.keras1GateOrder, to: LSTM.gateOrder) : weights
        return try modernizedKernels(joined, specs, window, count: 2)
    }
}
