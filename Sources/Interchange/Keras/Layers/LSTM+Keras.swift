import FerryEngine
package import FerryRuntime

extension LSTM: KerasLayer {
    package static let kerasClasses = ["LSTM", "CuDNNLSTM", "LSTMV2"]
    /// The order in which Keras 1 lists its gates, each with a kernel, a recurrent kernel and a bias.
    static let keras1GateOrder: GateOrder = [.input, .cell, .forget, .output]

    package init(keras config: inout KerasConfig) throws {
        let isCuDNN = config.className == "CuDNNLSTM"
        // Keras 1 and the first releases of Keras 2 had hard_sigmoid where nothing is said.
        let gates = isCuDNN || config.version >= KerasVersion(2, 3) ? ActivationFunction.sigmoid : .hardSigmoidKeras2
        self.init(
            try config.int("units", "output_dim"), activation: try config.activation("activation", default: .tanh),
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

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard projection == nil else {
            throw FerryError(
                .unsupported, found: "a projection of h (proj_size)", expected: "the LSTM that Keras has",
                remedy: "write ONNX instead")
        }
        guard !usesPeepholes, clip == nil, !couplesInputAndForget, outputActivation ?? activation == activation else {
            throw FerryError(
                .unsupported, found: "peepholes, clipping, coupled gates or an output activation of its own",
                expected: "the LSTM that Keras has", remedy: "write ONNX instead")
        }
        let functions: KerasSettings = [
            ("units", .int(units)), ("activation", try version.activation(activation)),
            ("recurrent_activation", try version.activation(recurrentActivation)), ("use_bias", .bool(useBias)),
            ("unit_forget_bias", .bool(unitForgetBias)),
        ]
        return functions + version.settings("kernel", kernel) + version.settings("recurrent", recurrentKernel)
            + version.settings("bias", bias) + (try options.kerasSettings(version))
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        specs.weightCount(in: weights, gates: 4)
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        if weights.count == 12 { return joinedGates(weights, in: Self.keras1GateOrder, to: Self.gateOrder) }
        guard weights.count == 3, weights[2].tensor.shape == [8 * units] else { return weights }
        let halves = weights[2].tensor.cast(to: .float32).split(axis: 0, lengths: [4 * units, 4 * units])
        return [
            KerasWeight(weights[0].name, fromCuDNN(weights[0].tensor, gates: 4, isRecurrent: false)),
            KerasWeight(weights[1].name, fromCuDNN(weights[1].tensor, gates: 4, isRecurrent: true)),
            KerasWeight(weights[2].name, halves[0] + halves[1]),
        ]
    }
}

extension [ParameterSpec] {
    /// How many weights hold these parameters at the front of a list, where the last axis of each may be cut into `gates`
    /// arrays, as in Keras 1.
    func weightCount(in weights: ArraySlice<KerasWeight>, gates: Int) -> Int {
        guard let length = first?.shape.last, let found = weights.first?.tensor.shape.last else { return count }
        return found * gates == length ? count * gates : count
    }
}

/// Three weights from three for each gate: kernels, recurrent kernels and biases, joined and put in another order.
func joinedGates(_ weights: [KerasWeight], in order: GateOrder, to other: GateOrder) -> [KerasWeight] {
    (0..<3).map { kind in
        let parts = stride(from: kind, to: weights.count, by: 3).map { weights[$0].tensor }
        let axis = parts[0].rank - 1
        let joined = Tensor.concatenated(parts, axis: axis)
        return KerasWeight(
            weights[kind].name, order.reorder(joined, axis: axis, to: other), isOfTheano: weights[kind].isOfTheano)
    }
}
