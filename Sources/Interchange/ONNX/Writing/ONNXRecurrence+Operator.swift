import FerryEngine
import FerryRuntime

extension ONNXRecurrence {
    /// Without a mask: Transpose to [time, batch, features] and the operator, `direction` "reverse" where time runs
    /// backwards.
    func emitOperator(into emitter: inout ONNXEmitter) throws -> Outputs {
        let x = emitter.float32(input)
        let timeMajor = options.timeMajor ? x : emitter.transpose(x, [1, 0, 2])
        let direction = ONNXDirection(layer, parameters, isReverse: options.goBackwards)
        let raw = try emitter.recurrent(
            [direction], timeMajor, initial: initial.map { emitter.stacked([$0]) }, wants: ONNXWanted(options))
        guard options.returnSequences else {
            return Outputs(output: raw.last(0, &emitter), states: raw.states(0, &emitter))
        }
        var sequence = emitter.squeeze(raw.sequence, [1])
        if !options.timeMajor { sequence = emitter.transpose(sequence, [1, 0, 2]) }
        // The operator puts outputs in the order of time, whichever way it runs.
        if options.goBackwards != sequenceIsReversed {
            sequence = emitter.reverse(sequence, axis: options.timeMajor ? 0 : 1)
        }
        return Outputs(output: sequence, states: raw.states(0, &emitter))
    }
}

/// Which outputs of a recurrent operator are read.
struct ONNXWanted {
    let sequence: Bool
    let last: Bool
    let states: Bool

    init(_ options: RecurrentOptions) {
        sequence = options.returnSequences
        last = !options.returnSequences
        states = options.returnState
    }
}

/// One direction of a recurrent operator.
struct ONNXDirection {
    let layer: any ONNXRecurrent
    let parameters: ParameterSet
    let isReverse: Bool

    init(_ layer: any ONNXRecurrent, _ parameters: ParameterSet, isReverse: Bool) {
        self.layer = layer
        self.parameters = parameters
        self.isReverse = isReverse
    }
}

/// What a recurrent operator puts out; empty names where it was not wanted.
struct ONNXRecurrentOutputs {
    /// Y [time, directions, batch, units]
    let sequence: String
    /// Y_h, and Y_c of an LSTM, [directions, batch, units]
    let finals: [String]
    let directions: Int
    let wantsStates: Bool

    /// The last output of one direction, [batch, units].
    func last(_ direction: Int, _ emitter: inout ONNXEmitter) -> String { final(0, direction, &emitter) }

    /// The last states of one direction, [batch, units] each, where they are wanted.
    func states(_ direction: Int, _ emitter: inout ONNXEmitter) -> [String] {
        wantsStates ? finals.indices.map { final($0, direction, &emitter) } : []
    }

    private func final(_ state: Int, _ direction: Int, _ emitter: inout ONNXEmitter) -> String {
        directions == 1
            ? emitter.squeeze(finals[state], [0]) : emitter.pick(finals[state], direction, axis: 0)
    }
}

extension ONNXEmitter {
    /// Adds one of ONNX's recurrent operators with one or two directions of one kind of layer.
    ///
    /// - Parameters:
    ///   - x: [time, batch, features]
    ///   - lengths: int32 [batch]; nil where all sequences are as long as x.
    ///   - initial: the initial states, [directions, batch, units] each.
    mutating func recurrent(
        _ directions: [ONNXDirection], _ x: String, lengths: String? = nil, initial: [String], wants: ONNXWanted
    ) throws -> ONNXRecurrentOutputs {
        let layer = directions[0].layer
        let weights = try directions.map { try $0.layer.onnxWeights($0.parameters) }
        let hasBias = weights.contains { $0.bias != nil }
        let hasPeephole = weights.contains { $0.peephole != nil }
        let operands = [
            x, parameter("kernel", .stacked(weights.map(\.kernel), axis: 0)),
            parameter("recurrent_kernel", .stacked(weights.map(\.recurrentKernel), axis: 0)),
            hasBias ? parameter("bias", .stacked(weights.map(\.biasOrZeros), axis: 0)) : "", lengths ?? "",
        ]
        let peephole = hasPeephole ? parameter("peephole", .stacked(weights.compactMap(\.peephole), axis: 0)) : ""
        let states = initial.isEmpty ? layer.stateSizes.map { _ in "" } : initial
        let finals = layer.stateSizes.indices.map { wants.states || (wants.last && $0 == 0) }
        let outputs = applyRecurrent(
            directions, operands + states + [peephole], outputs: [wants.sequence] + finals)
        return ONNXRecurrentOutputs(
            sequence: outputs[0], finals: Array(outputs.dropFirst()), directions: directions.count,
            wantsStates: wants.states)
    }

    private mutating func applyRecurrent(
        _ directions: [ONNXDirection], _ inputs: [String], outputs: [Bool]
    ) -> [String] {
        let layer = directions[0].layer
        let functions = directions.flatMap(\.layer.onnxActivations).compactMap(\.onnxRecurrent)
        let direction = directions.count == 2 ? "bidirectional" : directions[0].isReverse ? "reverse" : "forward"
        var attributes = [
            ONNXAttribute("hidden_size", .int(layer.outputSize)), ONNXAttribute("direction", .text(direction)),
            ONNXAttribute("activations", .texts(functions.map(\.name))),
        ]
        let alphas = functions.compactMap(\.alpha)
        let betas = functions.compactMap(\.beta)
        if !alphas.isEmpty { attributes.append(ONNXAttribute("activation_alpha", .floats(alphas))) }
        if !betas.isEmpty { attributes.append(ONNXAttribute("activation_beta", .floats(betas))) }
        if let clip = layer.clip { attributes.append(ONNXAttribute("clip", .float(clip))) }
        return apply(layer.onnxOperator, inputs, outputs: outputs, attributes: attributes + layer.onnxAttributes)
    }

    /// States of several directions along a new first axis.
    mutating func stacked(_ states: [ONNXSignal]) -> String {
        let parts = states.map { unsqueeze(float32($0), [0]) }
        return parts.count == 1 ? parts[0] : apply("Concat", to: parts, attributes: ["axis": .int(0)])
    }
}

extension ONNXRecurrent {
    var onnxOperator: String { Self.onnxOperator }
}

extension ONNXRecurrentWeights {
    /// B, zeros where there is none.
    fileprivate var biasOrZeros: Tensor { bias ?? Tensor(zeros: [2 * kernel.shape[0]]) }
}
