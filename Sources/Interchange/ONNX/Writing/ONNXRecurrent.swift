package import FerryEngine
package import FerryRuntime

/// A recurrent layer that is one of ONNX's recurrent operators.
package protocol ONNXRecurrent: RecurrentOperator, ONNXWritable {
    /// The operator: `LSTM`, `GRU` or `RNN`.
    static var onnxOperator: String { get }
    /// The functions of one direction, in the operator's order.
    var onnxActivations: [ActivationFunction] { get }
    /// The operator's attributes beside those that all three have.
    var onnxAttributes: [ONNXAttribute] { get }
    /// The bound on what the activations are given.
    var clip: Float? { get }

    /// The parameters in the operator's layout, without the axis of directions.
    func onnxWeights(_ parameters: ParameterSet) throws -> ONNXRecurrentWeights

    /// Adds the nodes that compute x·W + b for all time steps, in the layer's own order of gates.
    func emitProjection(of x: String, _ parameters: ParameterSet, into emitter: inout ONNXEmitter) throws -> String

    /// Adds the nodes of one time step, given its part of the projection; the first new state is the output.
    func emitStep(
        _ projection: String, _ states: [String], _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [String]
}

/// The parameters of one direction of a recurrent operator.
package struct ONNXRecurrentWeights {
    /// W [gates · units, features]
    var kernel: Tensor
    /// R [gates · units, units]
    var recurrentKernel: Tensor
    /// B [2 · gates · units], those of W and then those of R; nil means zeros
    var bias: Tensor?
    /// P [3 · units]
    var peephole: Tensor?
}

extension ONNXRecurrent {
    /// Whether the operator can compute it; else its equations are written out in a Scan.
    var fitsONNXOperator: Bool {
        // ONNX has no projection of h.
        onnxActivations.allSatisfy { $0.onnxRecurrent != nil } && stateSizes.allSatisfy { $0 == outputSize }
    }

    /// The operator between two Transposes, or a Scan for activations that the operator lacks.
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        emitter.noteStatefulness(of: self)
        let result = try emitRun(inputs, parameters, sequenceIsReversed: false, into: &emitter)
        let types = try outputTypes(for: inputs.map(\.type))
        let output = ONNXSignal(result.output, types[0], mask: options.returnSequences ? inputs[0].mask : nil)
        return [output] + zip(result.states, types.dropFirst()).map { ONNXSignal($0, $1) }
    }

    /// Runs the layer over its input.
    ///
    /// - Parameter isReversed: whether the sequence of outputs shall come in the reverse of the order of processing.
    func emitRun(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, sequenceIsReversed isReversed: Bool,
        into emitter: inout ONNXEmitter
    ) throws -> ONNXRecurrence.Outputs {
        let run = try ONNXRecurrence(self, inputs, parameters, sequenceIsReversed: isReversed)
        guard fitsONNXOperator else { return try run.emitScan(into: &emitter) }
        return try inputs[0].mask == nil ? run.emitOperator(into: &emitter) : run.emitMaskedOperator(into: &emitter)
    }
}

extension ONNXEmitter {
    /// Says that the states of a layer in a nested model, or of one that is called twice, do not outlive a run.
    mutating func noteStatefulness(of operation: some Operator) {
        guard operation.isStateful else { return }
        note("layer '\(path)' is stateful; ONNX keeps no states between runs, so each run starts from zeros")
    }
}

/// One recurrent layer over one input, about to be written.
struct ONNXRecurrence {
    /// The values that a run gives.
    struct Outputs {
        /// The sequence or the last output, as the layer's options say.
        let output: String
        /// The last states where the options want them.
        let states: [String]
    }

    let layer: any ONNXRecurrent
    let options: RecurrentOptions
    let parameters: ParameterSet
    let input: ONNXSignal
    /// The initial states, [batch, units] each; none means zeros.
    let initial: [ONNXSignal]
    let sequenceIsReversed: Bool

    /// Whether masked steps before the first that counts put out the initial state that the layer is given.
    var beginsWithState: Bool { options.beginsWithState && !initial.isEmpty }

    init(
        _ layer: any ONNXRecurrent, _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, sequenceIsReversed: Bool
    ) throws {
        self.layer = layer
        options = layer.options
        self.parameters = parameters
        input = inputs[0]
        initial = inputs.dropFirst(1).present
        self.sequenceIsReversed = sequenceIsReversed
        guard initial.isEmpty || initial.count == layer.stateSizes.count else {
            throw FerryError(
                .shape, found: "\(initial.count) initial states", expected: "\(layer.stateSizes.count) or none")
        }
    }
}

extension ParameterSet {
    /// The parameter called `name`, in float32.
    func float32(_ name: String) throws -> Tensor { try required(name).cast(to: .float32) }
}
