import FerryEngine

/// A softmax of products of two projections, times a third one and projected again, is a MultiHeadAttention.
///
/// Exporters write its Einsums out in many ways, with shapes that are computed; what the layer must be follows from the
/// four projections, and whether it is that is found out by trying.
enum LiftMultiHeadAttention: Pass {
    static let summary = "recognise attentions of several heads"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let softmax = node.layer.operation as? Activation, case .softmax = softmax.function,
            draft.type(of: node.outputs[0]).rank == 4, let heads = draft.type(of: node.outputs[0]).shape[1].length,
            let output = AttentionOutput(from: node.outputs[0], draft), let scores = node.inputs[0]
        else { return false }
        let fit = AttentionPart(leadingTo: scores, draft)
        let values = AttentionPart(leadingTo: output.values, draft)
        guard fit.projections.count == 2, values.projections.count == 1 else { return false }
        for (query, key) in [(fit.projections[0], fit.projections[1]), (fit.projections[1], fit.projections[0])] {
            guard
                let candidate = MultiHeadCandidate(
                    query, key, values.projections[0], output, heads: heads, draft),
                try candidate.computesTheSame(in: draft)
            else { continue }
            let new = try draft.makeNode(
                node.layer.name.scope ?? node.layer.name, candidate.layer, candidate.inputs, outputs: [output.value],
                parameters: candidate.parameters)
            draft.replace(Set(output.nodes), with: [new])
            return true
        }
        return false
    }
}

/// A Dense layer and the constants that are added behind it.
struct AttentionProjection {
    var kernel: Tensor
    /// [units]
    var bias: Tensor?
    /// The sequence that is projected, [batch, steps, features].
    var source: Graph.ValueID
}

/// What lies between projections and a value.
struct AttentionPart {
    var projections: [AttentionProjection] = []

    init(leadingTo value: Graph.ValueID, _ draft: GraphDraft) {
        collect(value, bias: nil, draft)
    }

    private mutating func collect(_ value: Graph.ValueID?, bias: Tensor?, _ draft: GraphDraft) {
        guard let value, let index = draft.producer(of: value) else { return }
        let node = draft.nodes[index]
        switch node.layer.operation {
        case let dense as Dense where dense.activation == .linear:
            guard let kernel = node.parameters["kernel"], let x = node.inputs[0],
                let source = sequence(x, features: kernel.shape[0], draft)
            else { return }
            projections.append(
                AttentionProjection(kernel: kernel, bias: node.parameters["bias"] ?? bias, source: source))
        case is MatMul: node.inputs.forEach { collect($0, bias: nil, draft) }
        case let arithmetic as Arithmetic:
            for (x, constant) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
                guard let known = draft.constant(constant), draft.constant(x) == nil else { continue }
                collect(x, bias: arithmetic.function == .add ? known : bias, draft)
            }
        case is TensorReshape, is Transpose, is Squeeze, is Unsqueeze: collect(node.inputs[0], bias: bias, draft)
        default: break
        }
    }

    /// The sequence before axes of length one were added to it.
    private func sequence(_ value: Graph.ValueID, features: Int, _ draft: GraphDraft) -> Graph.ValueID? {
        var current = value
        while draft.type(of: current).rank != 3, let index = draft.producer(of: current),
            draft.nodes[index].layer.operation is Unsqueeze || draft.nodes[index].layer.operation is TensorReshape,
            let x = draft.nodes[index].inputs[0]
        { current = x }
        let type = draft.type(of: current)
        return type.rank == 3 && type.shape[2] == .fixed(features) && type.dtype == .float32 ? current : nil
    }
}

/// The product with the values and the projection behind a softmax.
struct AttentionOutput {
    /// The projected values that the weights are multiplied with.
    var values: Graph.ValueID
    var kernel: Tensor
    var bias: Tensor?
    /// What comes out, and the nodes that compute it last.
    var value: Graph.ValueID
    var nodes: [Int]

    init?(from weights: Graph.ValueID, _ draft: GraphDraft) {
        guard let (product, other) = Self.product(of: weights, draft),
            let dense = Self.next(draft.nodes[product].outputs[0], draft, until: { $0 is Dense }),
            let layer = draft.nodes[dense].layer.operation as? Dense, layer.activation == .linear,
            let kernel = draft.nodes[dense].parameters["kernel"]
        else { return nil }
        (values, self.kernel, bias) = (other, kernel, draft.nodes[dense].parameters["bias"])
        (value, nodes) = (draft.nodes[dense].outputs[0], [dense])
        // Moves and a bias may follow before the result is a sequence again.
        while draft.type(of: value).rank != 3 || bias == nil, let reader = Self.only(value, draft) {
            let node = draft.nodes[reader]
            let constant = node.inputs.compactMap { draft.constant($0) }.first
            let operation = node.layer.operation
            if (operation as? Arithmetic)?.function == .add, bias == nil, let constant, constant.count == layer.units {
                bias = constant
            } else if !(operation is TensorReshape || operation is Squeeze) {
                break
            }
            (value, nodes) = (node.outputs[0], nodes + [reader])
        }
        guard draft.type(of: value).rank == 3 else { return nil }
    }

    private static func product(of weights: Graph.ValueID, _ draft: GraphDraft) -> (Int, Graph.ValueID)? {
        var current = weights
        while let reader = only(current, draft) {
            let node = draft.nodes[reader]
            if node.layer.operation is MatMul {
                guard let other = node.inputs.compactMap({ $0 }).first(where: { $0 != current }) else { return nil }
                return (reader, other)
            }
            guard AxisMove(node, draft) != nil || node.layer.operation is TensorReshape else { return nil }
            current = node.outputs[0]
        }
        return nil
    }

    private static func next(
        _ value: Graph.ValueID, _ draft: GraphDraft, until isFound: (any Operator) -> Bool
    ) -> Int? {
        var current = value
        while let reader = only(current, draft) {
            if isFound(draft.nodes[reader].layer.operation) { return reader }
            guard AxisMove(draft.nodes[reader], draft) != nil || draft.nodes[reader].layer.operation is TensorReshape
            else { return nil }
            current = draft.nodes[reader].outputs[0]
        }
        return nil
    }

    /// The only reader of a value, those that look at its shape left aside.
    private static func only(_ value: Graph.ValueID, _ draft: GraphDraft) -> Int? {
        let readers = Set(draft.readers(of: value)).filter { !(draft.nodes[$0].layer.operation is ShapeOf) }
        return readers.count == 1 && !draft.isOutput(value) ? readers.first : nil
    }
}

/// The layer that four projections could belong to.
struct MultiHeadCandidate {
    let layer: MultiHeadAttention
    let parameters: ParameterSet
    /// Queries, values, and keys where they are not the values.
    let inputs: [Graph.ValueID]
    private let output: Graph.ValueID

    init?(
        _ query: AttentionProjection, _ key: AttentionProjection, _ value: AttentionProjection,
        _ output: AttentionOutput, heads: Int, _ draft: GraphDraft
    ) {
        let (keyUnits, valueUnits) = (query.kernel.shape[1], value.kernel.shape[1])
        guard heads > 0, keyUnits % heads == 0, valueUnits % heads == 0, key.kernel.shape[1] == keyUnits,
            output.kernel.shape[0] == valueUnits
        else { return nil }
        let (keySize, valueSize, width) = (keyUnits / heads, valueUnits / heads, output.kernel.shape[1])
        var layer = MultiHeadAttention(heads: heads, keySize: keySize, valueSize: valueSize)
        if draft.type(of: query.source).shape[2] != .fixed(width) { layer.outputSize = width }
        let biases = [query.bias, key.bias, value.bias, output.bias]
        layer.useBias = biases.contains { $0 != nil }
        var parameters = ParameterSet()
        for (name, projection, size) in [("query", query, keySize), ("key", key, keySize), ("value", value, valueSize)]
        {
            parameters["\(name)/kernel"] = projection.kernel.reshaped([projection.kernel.shape[0], heads, size])
            guard layer.useBias else { continue }
            let bias = projection.bias ?? Tensor(zeros: [heads * size])
            guard bias.count == heads * size else { return nil }
            parameters["\(name)/bias"] = bias.reshaped([heads, size])
        }
        parameters["attention_output/kernel"] = output.kernel.reshaped([heads, valueSize, width])
        if layer.useBias {
            parameters["attention_output/bias"] = (output.bias ?? Tensor(zeros: [width])).reshaped([width])
        }
        (self.layer, self.parameters, self.output) = (layer, parameters, output.value)
        inputs = [query.source, value.source] + (key.source == value.source ? [] : [key.source])
    }

    /// Whether the layer computes what the nodes do, for numbers that are as good as any.
    func computesTheSame(in draft: GraphDraft) throws -> Bool {
        let (graph, parameters) = try draft.part(computing: inputs + [output])
        var random = RandomSource(seed: 17)
        let data = graph.inputs.map { input -> Tensor in
            let type = graph.type(of: input)
            let lengths = type.shape.enumerated().map { $1.length ?? ($0 == 0 ? 2 : 5) }
            return type.dtype == .float32
                ? random.uniform(lengths, in: -1..<1)
                : Tensor([Int64](repeating: 1, count: lengths.product), shape: lengths).cast(to: type.dtype)
        }
        var state = LayerState()
        guard let computed = try? graph.evaluate(data, parameters, &state), computed.count == inputs.count + 1,
            let found = try? layer.evaluate(
                Slots(computed.dropLast().map { Signal($0) }), self.parameters, &state)[0].tensor,
            let expected = computed.last, found.shape == expected.shape
        else { return false }
        return zip(expected.floats, found.floats).allSatisfy { abs($0 - $1) <= 1e-5 * max(1, abs($0)) }
    }
}
