import FerryEngine
package import FerryRuntime

/// Conv for all time steps at once, then a Scan over time whose body has the recurrent Conv and the gates.
extension ConvLSTM: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        let needsLine = activation.axis != nil || recurrentActivation.axis != nil
        return needsLine || options.timeMajor ? ["'\(name)' (ConvLSTM with an activation of whole lines)"] : []
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        emitter.noteStatefulness(of: self)
        let order = ONNXFeatureOrder(rank: inputs[0].type.rank - 1, isFirst: window.channelsFirst)
        let projection = try project(inputs[0], order, parameters, &emitter)
        let mask = inputs[0].mask?.name
        let given = inputs.dropFirst(1).present
        var carried = given.map { emitter.transpose(emitter.float32($0), order.toFirst) }
        if given.isEmpty { carried = [projection.zeros, projection.zeros] }
        // Before the first step that counts, the last output is zero and not the initial state.
        let keepsLast = mask != nil && !given.isEmpty
        if keepsLast { carried.append(projection.zeros) }

        let body = try body(order, keepsLast: keepsLast, isMasked: mask != nil, parameters, &emitter)
        let sequences = [projection.name] + (mask.map { [$0] } ?? [])
        var attributes = [
            ONNXAttribute("body", .graph(body)), ONNXAttribute("num_scan_inputs", .int(sequences.count)),
            ONNXAttribute("scan_input_axes", .ints(sequences.map { _ in 1 })),
            ONNXAttribute("scan_input_directions", .ints(sequences.map { _ in options.goBackwards ? 1 : 0 })),
        ]
        if options.returnSequences { attributes.append(ONNXAttribute("scan_output_axes", .ints([1]))) }
        let results = emitter.apply(
            "Scan", carried + sequences, outputs: body.outputs.map { _ in true }, attributes: attributes)
        return try outputs(of: results, keepsLast: keepsLast, inputs, order, &emitter)
    }

    /// The convolution of all steps, [batch, time, 4 · filters, …], and zeros in the shape of a state.
    private func project(
        _ input: ONNXSignal, _ order: ONNXFeatureOrder, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> (name: String, zeros: String) {
        let x = emitter.transpose(emitter.float32(input), order.toFirst.behindTime)
        let rows = emitter.reshape(x, lengths: [emitter.integers([-1]), emitter.lengths(x, from: 2)])
        let step = order.toFirst.map { $0 == 0 ? .unknown : input.type.shape[$0 + 1] }
        let slid = emitter.slide(window.window, over: rows, step)
        let kernel = emitter.parameter("kernel", try parameters.float32("kernel").asONNXWeights())
        let bias = useBias ? [emitter.parameter("bias", try parameters.float32("bias"))] : []
        let sums = emitter.apply("Conv", [slid.name, kernel] + bias, outputs: [true], attributes: slid.attributes)[0]
        let name = emitter.reshape(sums, lengths: [emitter.lengths(x, to: 2), emitter.lengths(sums, from: 1)])
        let shape = emitter.apply(
            "Concat", emitter.lengths(x, to: 1), emitter.integers([filters]), emitter.lengths(sums, from: 2),
            attributes: ["axis": .int(0)])
        return (name, emitter.apply("ConstantOfShape", shape))
    }

    /// One time step: h, c, the last output where it is kept, the step's projection and mask in; the same without the
    /// last two, and the step's output where the sequence is wanted, out.
    private func body(
        _ order: ONNXFeatureOrder, keepsLast: Bool, isMasked: Bool, _ parameters: ParameterSet,
        _ emitter: inout ONNXEmitter
    ) throws -> ONNXGraph {
        let states = (0..<(keepsLast ? 3 : 2)).map { _ in emitter.fresh("state") }
        let (step, counts) = (emitter.fresh("step"), isMasked ? emitter.fresh("counts") : nil)
        func info(_ name: String) -> ONNXValueInfo {
            ONNXValueInfo(name: name, type: .tensor(.float32, order.toFirst.map { _ in ONNXDimension(.unknown) }))
        }
        var graph = ONNXGraph(name: "step")
        graph.inputs = (states + [step]).map(info)
        if let counts {
            graph.inputs.append(ONNXValueInfo(name: counts, type: .tensor(.bool, [ONNXDimension(.unknown)])))
        }
        var results: [String] = []
        graph.nodes = try emitter.body { emitter in
            let new = try emitStep(step, h: states[0], c: states[1], parameters, &emitter)
            guard let counts else {
                // A name can be put out once only.
                results = new + (options.returnSequences ? [emitter.apply("Identity", new[0])] : [])
                return
            }
            let isUnmasked = emitter.unsqueeze(counts, Array(1..<order.toFirst.count))
            func keeping(_ new: String, _ old: String) -> String { emitter.apply("Where", isUnmasked, new, old) }
            results = zip(new, states).map(keeping)
            let last = keepsLast ? states[2] : states[0]
            if keepsLast { results.append(keeping(new[0], last)) }
            if options.returnSequences {
                results.append(keeping(new[0], options.zeroOutputForMask ? emitter.scalar(0) : last))
            }
        }
        graph.outputs = results.map(info)
        return graph
    }

    /// The new h and c.
    private func emitStep(
        _ step: String, h: String, c: String, _ parameters: ParameterSet, _ emitter: inout ONNXEmitter
    ) throws -> [String] {
        let recurrent = SpatialOptions(size: window.size, padding: .same)
        let free = [Dimension](repeating: .unknown, count: window.axes + 2)
        let slid = emitter.slide(recurrent.window, over: h, free)
        let kernel = emitter.parameter("recurrent_kernel", try parameters.float32("recurrent_kernel").asONNXWeights())
        let seen = emitter.apply("Conv", [slid.name, kernel], outputs: [true], attributes: slid.attributes)[0]
        let gates = emitter.split(
            emitter.apply("Add", step, seen), axis: 1, lengths: [Int](repeating: filters, count: 4))
        func gate(_ i: Int) -> String { emitter.activate(gates[i], recurrentActivation, free) }
        let candidate = emitter.apply("Mul", gate(0), emitter.activate(gates[2], activation, free))
        let newC = emitter.apply("Add", emitter.apply("Mul", gate(1), c), candidate)
        return [emitter.apply("Mul", gate(3), emitter.activate(newC, activation, free)), newC]
    }

    private func outputs(
        of results: [String], keepsLast: Bool, _ inputs: Slots<ONNXSignal>, _ order: ONNXFeatureOrder,
        _ emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let types = try outputTypes(for: inputs.map(\.type))
        var output: String
        if options.returnSequences {
            output = emitter.transpose(results[results.count - 1], order.back.behindTime)
        } else {
            output = emitter.transpose(results[keepsLast ? 2 : 0], order.back)
            if options.zeroOutputForMask, let mask = inputs[0].mask {
                let end = emitter.pick(mask.name, options.goBackwards ? 0 : -1, axis: 1)
                let isUnmasked = emitter.unsqueeze(end, Array(1..<order.back.count))
                output = emitter.apply("Where", isUnmasked, output, emitter.scalar(0))
            }
        }
        let states = zip(results, types.dropFirst()).map { ONNXSignal(emitter.transpose($0, order.back), $1) }
        return [ONNXSignal(output, types[0], mask: options.returnSequences ? inputs[0].mask : nil)] + states
    }
}

extension [Int] {
    /// The permutation with a time axis behind the batch, which both stay where they are.
    fileprivate var behindTime: [Int] { [0, 1] + dropFirst().map { $0 + 1 } }
}
