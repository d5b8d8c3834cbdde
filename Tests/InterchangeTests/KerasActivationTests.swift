import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import Testing

/// Activations inside layers: by name, as a layer where Keras has no name, or refused.
struct KerasActivationTests {
    static let kept: [ActivationFunction] = [
        .tanh, .silu, .relu6, .gelu(approximate: false), .logSoftmax(axis: -1), .relu(slope: 0.1), .elu(alpha: 0.5),
        .relu(maximum: 2, slope: 0.1, threshold: 0.5), .softmax(axis: 1),
    ]
    static let onlyKeras3: [ActivationFunction] = [
        .celu(alpha: 1), .hardTanh, .sparsemax(axis: -1), .squareplus(b: 4), .logSigmoid,
    ]

    @Test(arguments: kept + onlyKeras3, [2, 3])
    func survivesATrip(_ function: ActivationFunction, _ version: Int) throws {
        let model = try Model {
            Input(4, 3); LSTM(2, returnSequences: true); Dense(3, activation: function)
        }
        let folder = try TemporaryFolder()
        let write = { _ = try model.write(to: folder("model.keras"), options: WriteOptions(kerasVersion: version)) }
        guard version == 3 || Self.kept.contains(function) else {
            #expect(
                sentence(write)
                    == "model.keras › layer 'dense' (Dense): the activation \(function); one that Keras 2 has; write ONNX instead"
            )
            return
        }
        try write()
        let again = try Model(contentsOf: folder("model.keras"))
        #expect((again.graph.layers.last?.operation as? Dense)?.activation == function)
    }
}
