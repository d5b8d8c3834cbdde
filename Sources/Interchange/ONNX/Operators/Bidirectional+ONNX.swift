import FerryEngine
package import FerryRuntime

/// One operator with `direction` "bidirectional" where both layers are of one kind and nothing is masked; else the
/// nodes of one layer and those of the other.
extension Bidirectional: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        forward.obstaclesToONNX("\(name)/forward", opset: opset)
            + backward.obstaclesToONNX("\(name)/backward", opset: opset)
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        emitter.noteStatefulness(of: self)
        let names = try emitDirections(inputs, parameters, &emitter)

        let types = try outputTypes(for: inputs.map(\.type))
        let outputs = merge == nil ? 2 : 1
        return zip(names, types).enumerated().map { position, output in
            let keepsMask = position < outputs && forward.options.returnSequences
            return ONNXSignal(output.0, output.1, mask: keepsMask ? inputs[0].mask : nil)
        }
    }
}

extension Bidirectional {
    private func emitDirections(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> [String] {
        guard let first = forward as? any ONNXRecurrent, let second = backward as? any ONNXRecurrent else {
            return try emitLayers(inputs, parameters, &emitter)
        }
        let there = ONNXDirection(first, parameters.scoped(to: "forward"), isReverse: false)
        let back = ONNXDirection(second, parameters.scoped(to: "backward"), isReverse: true)
        let fits = inputs[0].mask == nil && !forward.options.goBackwards && backward.options.goBackwards
        return fits && there.sharesOperator(with: back)
            ? try emitTogether(inputs, [there, back], &emitter) : try emitApart(inputs, there, back, &emitter)
    }

    /// The nodes of layers that run cells; those of the backward one, and its outputs turned around.
    private func emitLayers(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> [String] {
        let states = inputs.dropFirst(1).present
        let half = states.count / 2
        let there = try emitter.scoped("forward") { emitter in
            try forward.asONNXWritable().emit(
                Slots([inputs[0]] + states.prefix(half)), parameters.scoped(to: "forward"), into: &emitter)
        }
        var back = try emitter.scoped("backward") { emitter in
            try backward.asONNXWritable().emit(
                Slots([inputs[0]] + states.dropFirst(half)), parameters.scoped(to: "backward"), into: &emitter)
        }
        let options = backward.options
        if options.returnSequences { back[0].name = emitter.reverse(back[0].name, axis: options.timeMajor ? 0 : 1) }
        return merged([there[0].name, back[0].name], &emitter) + (there.dropFirst() + back.dropFirst()).map(\.name)
    }

    private func emitTogether(
        _ inputs: Slots<ONNXSignal>, _ directions: [ONNXDirection], _ emitter: inout ONNXEmitter
    ) throws -> [String] {
        let options = forward.options
        let x = emitter.float32(inputs[0])
        let timeMajor = options.timeMajor ? x : emitter.transpose(x, [1, 0, 2])
        let states = inputs.dropFirst(1).present
        let half = states.count / 2
        let initial = (0..<half).map { emitter.stacked([states[$0], states[half + $0]]) }
        let raw = try emitter.recurrent(directions, timeMajor, initial: initial, wants: ONNXWanted(options))

        let outputs: [String]
        if merge == .concatenate {
            outputs = [joined(raw, options, &emitter)]
        } else if options.returnSequences {
            let sequences = (0..<2).map { direction in
                let sequence = emitter.pick(raw.sequence, direction, axis: 1)
                return options.timeMajor ? sequence : emitter.transpose(sequence, [1, 0, 2])
            }
            outputs = merged(sequences, &emitter)
        } else {
            outputs = merged((0..<2).map { raw.last($0, &emitter) }, &emitter)
        }
        return outputs + (0..<2).flatMap { raw.states($0, &emitter) }
    }

    /// The features of both directions side by side: Transpose and Reshape.
    private func joined(
        _ raw: ONNXRecurrentOutputs, _ options: RecurrentOptions, _ emitter: inout ONNXEmitter
    ) -> String {
        let width = forward.outputSize + backward.outputSize
        guard options.returnSequences else {
            return emitter.reshape(emitter.transpose(raw.finals[0], [1, 0, 2]), [0, width])
        }
        let axes = options.timeMajor ? [0, 2, 1, 3] : [2, 0, 1, 3]
        return emitter.reshape(emitter.transpose(raw.sequence, axes), [0, 0, width])
    }

    private func emitApart(
        _ inputs: Slots<ONNXSignal>, _ there: ONNXDirection, _ back: ONNXDirection, _ emitter: inout ONNXEmitter
    ) throws -> [String] {
        let states = inputs.dropFirst(1).present
        let half = states.count / 2
        let first = try emitter.scoped("forward") { emitter in
            try there.layer.emitRun(
                Slots([inputs[0]] + states.prefix(half)), there.parameters, sequenceIsReversed: false, into: &emitter)
        }
        let second = try emitter.scoped("backward") { emitter in
            try back.layer.emitRun(
                Slots([inputs[0]] + states.dropFirst(half)), back.parameters, sequenceIsReversed: true, into: &emitter)
        }
        return merged([first.output, second.output], &emitter) + first.states + second.states
    }

    /// One value of two, or both where they are not merged.
    private func merged(_ values: [String], _ emitter: inout ONNXEmitter) -> [String] {
        switch merge {
        case nil: values
        case .concatenate: [emitter.apply("Concat", to: values, attributes: ["axis": .int(-1)])]
        case .sum: [emitter.apply("Add", to: values)]
        case .multiply: [emitter.apply("Mul", to: values)]
        case .average: [emitter.apply("Mul", emitter.apply("Add", to: values), emitter.scalar(0.5))]
        }
    }
}

extension ONNXDirection {
    /// Whether one operator can compute both directions.
    fileprivate func sharesOperator(with other: ONNXDirection) -> Bool {
        let (a, b) = (layer, other.layer)
        return a.fitsONNXOperator && b.fitsONNXOperator && a.onnxOperator == b.onnxOperator
            && a.outputSize == b.outputSize && a.onnxAttributes == b.onnxAttributes && a.clip == b.clip
            && a.usesPeepholes == b.usesPeepholes && a.options.returnSequences == b.options.returnSequences
            && a.options.returnState == b.options.returnState && a.options.timeMajor == b.options.timeMajor
    }
}

extension ONNXRecurrent {
    fileprivate var usesPeepholes: Bool { (self as? LSTM)?.usesPeepholes ?? false }
}
