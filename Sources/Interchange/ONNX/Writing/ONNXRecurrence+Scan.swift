import FerryEngine
import FerryRuntime

extension ONNXRecurrence {
    /// The layer's equations in the body of a Scan over time, for activations that ONNX's operators lack.
    func emitScan(into emitter: inout ONNXEmitter) throws -> Outputs {
        let timeAxis = options.timeMajor ? 0 : 1
        let x = emitter.float32(input)
        let projection = try layer.emitProjection(of: x, parameters, into: &emitter)
        var carried = initial.isEmpty ? zeroStates(x, &emitter) : initial.map { emitter.float32($0) }
        // Before the first step that counts, the last output is zero and not the initial state, but for Keras of old.
        let keepsLast = input.mask != nil && !initial.isEmpty && !beginsWithState
        if keepsLast { carried.append(zeroStates(x, &emitter)[0]) }
        let sequences = [projection] + (input.mask.map { [$0.name] } ?? [])

        let body = try body(keepsLast: keepsLast, &emitter)
        let time = ONNXAttribute.Value.ints(sequences.map { _ in timeAxis })
        let backwards = ONNXAttribute.Value.ints(sequences.map { _ in options.goBackwards ? 1 : 0 })
        let wanted = [Bool](repeating: true, count: carried.count) + (options.returnSequences ? [true] : [])
        var attributes = [
            ONNXAttribute("body", .graph(body)), ONNXAttribute("num_scan_inputs", .int(sequences.count)),
            ONNXAttribute("scan_input_axes", time), ONNXAttribute("scan_input_directions", backwards),
        ]
        if options.returnSequences {
            attributes.append(ONNXAttribute("scan_output_axes", .ints([timeAxis])))
            attributes.append(ONNXAttribute("scan_output_directions", .ints([sequenceIsReversed ? 1 : 0])))
        }
        let results = emitter.apply("Scan", carried + sequences, outputs: wanted, attributes: attributes)
        return outputs(of: results, keepsLast: keepsLast, timeAxis, &emitter)
    }

    private func outputs(
        of results: [String], keepsLast: Bool, _ timeAxis: Int, _ emitter: inout ONNXEmitter
    ) -> Outputs {
        let states = Array(results.prefix(layer.stateSizes.count))
        let returned = options.returnState ? states : []
        if options.returnSequences { return Outputs(output: results[results.count - 1], states: returned) }
        let last = keepsLast ? results[states.count] : states[0]
        guard options.zeroOutputForMask, let mask = input.mask else { return Outputs(output: last, states: returned) }
        let end = emitter.pick(mask.name, options.goBackwards ? 0 : -1, axis: timeAxis)
        let output = emitter.apply("Where", emitter.unsqueeze(end, [1]), last, emitter.scalar(0))
        return Outputs(output: output, states: returned)
    }

    /// Zeros [batch, units] for each state.
    private func zeroStates(_ x: String, _ emitter: inout ONNXEmitter) -> [String] {
        let batchAxis = options.timeMajor ? 1 : 0
        let batch = emitter.lengths(x, from: batchAxis, to: batchAxis + 1)
        return layer.stateSizes.map { size in
            let shape = emitter.apply("Concat", batch, emitter.integers([size]), attributes: ["axis": .int(0)])
            return emitter.apply("ConstantOfShape", shape)
        }
    }

    /// One time step: states, the last output where it is kept, the step's projection and mask in; the same without
    /// the last two, and the step's output where the sequence is wanted, out.
    private func body(keepsLast: Bool, _ emitter: inout ONNXEmitter) throws -> ONNXGraph {
        let sizes = layer.stateSizes + (keepsLast ? [layer.outputSize] : [])
        let carried = sizes.map { (name: emitter.fresh("state"), size: $0) }
        let states = Array(carried.map(\.name).prefix(layer.stateSizes.count))
        let last = keepsLast ? carried[carried.count - 1].name : states[0]
        let step = emitter.fresh("step")
        let counts = input.mask == nil ? nil : emitter.fresh("counts")

        var next: [String] = []
        var graph = ONNXGraph(name: emitter.fresh("step_body"))
        graph.nodes = try emitter.body { emitter in
            let new = try layer.emitStep(step, states, parameters, into: &emitter)
            next = updated(new, states, last, counts, keepsLast: keepsLast, &emitter)
        }
        graph.inputs = carried.map { .matrix($0.name, columns: $0.size) } + [.matrix(step, columns: nil)]
        if let counts {
            graph.inputs.append(ONNXValueInfo(name: counts, type: .tensor(.bool, [ONNXDimension(.unknown)])))
        }
        graph.outputs = zip(next, sizes + [layer.outputSize]).map { .matrix($0, columns: $1) }
        return graph
    }

    /// What a step puts out, where masked rows keep what they had.
    private func updated(
        _ new: [String], _ old: [String], _ last: String, _ counts: String?, keepsLast: Bool,
        _ emitter: inout ONNXEmitter
    ) -> [String] {
        guard let counts else {
            // A name can be put out once only.
            return new + (options.returnSequences ? [emitter.apply("Identity", new[0])] : [])
        }
        let isUnmasked = emitter.unsqueeze(counts, [1])
        func keeping(_ new: String, _ old: String) -> String { emitter.apply("Where", isUnmasked, new, old) }
        var results = zip(new, old).map(keeping)
        if keepsLast { results.append(keeping(new[0], last)) }
        guard options.returnSequences else { return results }
        return results + [keeping(new[0], options.zeroOutputForMask ? emitter.scalar(0) : last)]
    }
}

extension ONNXValueInfo {
    /// float32 [batch, columns]
    fileprivate static func matrix(_ name: String, columns: Int?) -> ONNXValueInfo {
        let width = ONNXDimension(columns.map { .fixed($0) } ?? .unknown)
        return ONNXValueInfo(name: name, type: .tensor(.float32, [ONNXDimension(.unknown), width]))
    }
}
