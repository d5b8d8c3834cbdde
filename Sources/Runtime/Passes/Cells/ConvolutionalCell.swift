import FerryEngine

/// The step of a ``ConvLSTM`` that was recognised in the nodes that compute one.
struct ConvolutionalCell {
    var layer: ConvLSTM
    var parameters: ParameterSet
    /// The input of this step, and the states before and behind it.
    var input: Graph.ValueID
    var states: [Graph.ValueID]
    var newStates: [Graph.ValueID]

    /// h′ = o∘τ(c′), c′ = f∘c + i∘τ(g); the gates are functions of sums of two convolutions, over x and over h.
    ///
    /// - Parameter states: the values that a step gets from the one before.
    init?(_ output: Graph.ValueID, states: Set<Graph.ValueID>, _ draft: GraphDraft) {
        let matcher = ConvolutionalMatcher(draft: draft, states: states)
        for (outputGate, bent) in matcher.operands(output, .multiply) {
            guard let o = matcher.gate(outputGate) else { continue }
            let (activation, newC) = matcher.function(bent)
            for (kept, added) in matcher.operands(newC, .add) {
                for (forget, c) in matcher.operands(kept, .multiply) where states.contains(c) {
                    for (input, candidate) in matcher.operands(added, .multiply) {
                        guard let f = matcher.gate(forget), let i = matcher.gate(input),
                            let g = matcher.gate(candidate), g.function == activation,
                            i.function == o.function, f.function == o.function,
                            let found = Self.joined([i, f, g, o])
                        else { continue }
                        self = found
                        (layer.activation, layer.recurrentActivation) = (activation, o.function)
                        self.states = [o.state, c]
                        newStates = [output, newC]
                        return
                    }
                }
            }
        }
        return nil
    }

    private init(_ layer: ConvLSTM, _ parameters: ParameterSet, input: Graph.ValueID) {
        (self.layer, self.parameters, self.input) = (layer, parameters, input)
        (states, newStates) = ([], [])
    }

    /// Gates of one input, one state and one window, with their kernels side by side.
    private static func joined(_ gates: [ConvolutionalGate]) -> ConvolutionalCell? {
        let first = gates[0]
        guard
            gates.allSatisfy({
                $0.input == first.input && $0.state == first.state && $0.window == first.window
                    && $0.kernel.shape == first.kernel.shape && $0.recurrentKernel.shape == first.recurrentKernel.shape
            })
        else { return nil }
        var layer = ConvLSTM(first.bias.count, first.window)
        layer.useBias = gates.contains { $0.bias.floats.contains { $0 != 0 } }
        var parameters = ParameterSet()
        let axis = first.kernel.rank - 1
        parameters["kernel"] = .concatenated(gates.map(\.kernel), axis: axis)
        parameters["recurrent_kernel"] = .concatenated(gates.map(\.recurrentKernel), axis: axis)
        if layer.useBias { parameters["bias"] = .concatenated(gates.map(\.bias), axis: 0) }
        return ConvolutionalCell(layer, parameters, input: first.input)
    }
}

/// A function of a convolution over x, another one over h, and a bias.
struct ConvolutionalGate {
    var function: ActivationFunction
    var input: Graph.ValueID
    var state: Graph.ValueID
    var window: SpatialOptions
    var kernel: Tensor
    var recurrentKernel: Tensor
    var bias: Tensor
}

/// Finds the parts of the equations.
private struct ConvolutionalMatcher {
    let draft: GraphDraft
    let states: Set<Graph.ValueID>

    /// Two operands, in both orders.
    func operands(_ value: Graph.ValueID, _ function: Arithmetic.Function) -> [(Graph.ValueID, Graph.ValueID)] {
        guard let (index, arithmetic) = draft.producer(of: value, Arithmetic.self), arithmetic.function == function,
            let a = draft.nodes[index].inputs[0], let b = draft.nodes[index].inputs[1],
            draft.nodes[index].inputs.count == 2
        else { return [] }
        return [(a, b), (b, a)]
    }

    /// A function and what it was applied to; the identity where there is none.
    func function(_ value: Graph.ValueID) -> (function: ActivationFunction, argument: Graph.ValueID) {
        guard let (index, activation) = draft.producer(of: value, Activation.self), activation.function.axis == nil,
            let x = draft.nodes[index].inputs[0]
        else { return (.linear, value) }
        return (activation.function, x)
    }

    func gate(_ value: Graph.ValueID) -> ConvolutionalGate? {
        let (function, argument) = function(value)
        var products: [(value: Graph.ValueID, layer: Conv, parameters: ParameterSet)] = []
        var bias: Tensor?
        for addend in addends(argument) {
            if let constant = draft.constant(addend), constant.dtype == .float32 {
                bias = bias.map { $0 + constant } ?? constant
            } else if let (index, conv) = draft.producer(of: addend, Conv.self), let x = draft.nodes[index].inputs[0] {
                products.append((x, conv, draft.nodes[index].parameters))
            } else {
                return nil
            }
        }
        guard products.count == 2, let place = products.firstIndex(where: { states.contains($0.value) }) else {
            return nil
        }
        let (h, x) = (products[place], products[1 - place])
        guard !states.contains(x.value), keepsSize(h.layer), x.layer.groups == 1, x.layer.activation == .linear,
            x.layer.options.size == h.layer.options.size, x.layer.options.padding != .causal,
            let kernel = x.parameters["kernel"], let recurrentKernel = h.parameters["kernel"],
            let sum = total([bias, x.parameters["bias"], h.parameters["bias"]], filters: x.layer.filters)
        else { return nil }
        return ConvolutionalGate(
            function: function, input: x.value, state: h.value, window: x.layer.options, kernel: kernel,
            recurrentKernel: recurrentKernel, bias: sum)
    }

    private func addends(_ value: Graph.ValueID) -> [Graph.ValueID] {
        guard let (a, b) = operands(value, .add).first else { return [value] }
        return addends(a) + addends(b)
    }

    private func keepsSize(_ conv: Conv) -> Bool {
        let options = conv.options
        let isSame = options.padding == .same || options.padding == .valid && options.size.allSatisfy { $0 == 1 }
        return isSame && conv.groups == 1 && conv.activation == .linear && options.strides.allSatisfy { $0 == 1 }
            && options.dilation.allSatisfy { $0 == 1 }
    }

    /// The sum of biases, [filters]; nil where one is not the same at all places.
    private func total(_ parts: [Tensor?], filters: Int) -> Tensor? {
        var sum = Tensor(zeros: [filters])
        for part in parts.compactMap({ $0 }) {
            guard part.count == 1 || part.count == filters && part.shape.last == filters else { return nil }
            sum = sum + part.reshaped([part.count]).broadcast(to: [filters])
        }
        return sum
    }
}
