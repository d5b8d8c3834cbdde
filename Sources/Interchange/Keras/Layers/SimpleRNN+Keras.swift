import FerryEngine
package import FerryRuntime

extension SimpleRNN: KerasLayer {
    package static let kerasClasses = ["SimpleRNN"]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            try config.int("units", "output_dim"), activation: try config.activation("activation", default: .tanh))
        useBias = try config.bool("use_bias", default: true)
        kernel = try config.policy("kernel", old: ("init", "W_regularizer", "W_constraint"), default: .glorotUniform)
        recurrentKernel = try config.policy(
            "recurrent", old: ("inner_init", "U_regularizer", "U_constraint"), default: .orthogonal(gain: 1))
        bias = try config.policy("bias", old: ("bias_init", "b_regularizer", "b_constraint"), default: .zeros)
        options = try RecurrentOptions(keras: &config)
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard clip == nil else {
            throw FerryError(.unsupported, found: "clipping", expected: "the SimpleRNN that Keras has")
        }
        let functions: KerasSettings = [
            ("units", .int(units)), ("activation", try version.activation(activation)), ("use_bias", .bool(useBias)),
        ]
        return functions + version.settings("kernel", kernel) + version.settings("recurrent", recurrentKernel)
            + version.settings("bias", bias)
            + (try options.kerasSettings(version)).filter { $0.name != "implementation" }
    }
}
