import FerryEngine
package import FerryRuntime

extension RecurrentOptions {
    /// The settings that all recurrent layers of Keras have.
    init(keras config: inout KerasConfig) throws {
        self.init()
        returnSequences = try config.bool("return_sequences", default: false)
        returnState = try config.bool("return_state", default: false)
        goBackwards = try config.bool("go_backwards", default: false)
        isStateful = try config.bool("stateful", default: false)
        unroll = try config.bool("unroll", default: false)
        timeMajor = try config.bool("time_major", default: false)
        zeroOutputForMask = try config.bool("zero_output_for_mask", default: false)
        beginsWithState = config.version.masksBeginWithState && !unroll && !config.context.isOfTheano
        dropout = try config.double("dropout", "dropout_W", default: 0)
        recurrentDropout = try config.double("recurrent_dropout", "dropout_U", default: 0)
        // How Keras computes, not what; and lengths that the input says again.
        config.ignore(
            "implementation", "consume_less", "use_cudnn", "seed", "input_dim", "input_length", "batch_size")
    }

    /// The settings that all recurrent layers of Keras have.
    func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard !timeMajor || !version.isKeras3 else {
            throw FerryError(
                .unsupported, found: "time_major, which Keras 3 lacks", expected: "batch first",
                remedy: "write it for Keras 2, or as ONNX")
        }
        let shared: KerasSettings = [
            ("return_sequences", .bool(returnSequences)), ("return_state", .bool(returnState)),
            ("go_backwards", .bool(goBackwards)), ("stateful", .bool(isStateful)), ("unroll", .bool(unroll)),
            ("dropout", .double(dropout)), ("recurrent_dropout", .double(recurrentDropout)),
        ]
        if version.isKeras3 { return shared + [("zero_output_for_mask", .bool(zeroOutputForMask))] }
        let masked: KerasSettings = zeroOutputForMask ? [("zero_output_for_mask", true)] : []
        return shared + [("time_major", .bool(timeMajor)), ("implementation", 2)] + masked
    }
}

extension RecurrentOperator where Self: KerasLayer {
    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        [KerasVariableGroup("cell", specs.map(\.name))]
    }
}

/// A weight that holds `kernel`, columns of cuDNN's gates side by side, in the layout of today's Keras.
///
/// cuDNN keeps the transpose of each gate; its input kernels were written in Fortran order
/// (`preprocess_weights_for_loading` of Keras 2).
func fromCuDNN(_ kernel: Tensor, gates: Int, isRecurrent: Bool) -> Tensor {
    let (rows, units) = (kernel.shape[0], kernel.shape[1] / gates)
    let blocks = kernel.split(axis: 1, lengths: [Int](repeating: units, count: gates)).map { block in
        // Reading the transpose [units, rows] in Fortran order as [rows, units] walks the block itself in C order.
        isRecurrent ? block.transposed([1, 0]) : block.transposed([1, 0]).readInFortranOrder([rows, units])
    }
    return .concatenated(blocks, axis: 1)
}

extension Tensor {
    /// The matrix reshaped as `numpy.reshape(shape, order='F')` does.
    fileprivate func readInFortranOrder(_ shape: [Int]) -> Tensor {
        transposed([1, 0]).reshaped([shape[1], shape[0]]).transposed([1, 0])
    }
}
