package import FerryEngine

/// A graph that has been run forward in training, ready to be gone through backwards once.
public final class GraphTape {
    /// The outputs, in the graph's order.
    public let outputs: [Signal]
    private let graph: Graph
    /// For each node its pullback and what its activity regularizer adds to the gradients of its outputs; nil where no
    /// gradient passes.
    private var steps: [(pullback: Pullback, penalties: [Tensor?])?] = []
    private let needed: Set<Graph.ValueID>
    /// The first layer whose output was not finite, where the run was told to look.
    private(set) var failingLayer: String?

    /// Runs `graph` forward with the parameters of each of its layers, in the order of ``Graph/layers``.
    ///
    /// - Parameters:
    ///   - inputs: one for each of the graph's.
    ///   - stopsAtFailure: whether to look for the first layer whose output is not finite.
    /// - Throws: ``FerryError`` located at the layer that cannot run, or cannot be trained.
    init(
        _ graph: Graph, _ inputs: Slots<Signal>, layers: [ParameterSet], _ pass: inout TrainingPass,
        stopsAtFailure: Bool = false
    ) throws {
        self.graph = graph
        var needed = Set(pass.wantsInputGradients ? graph.inputs : [])
        var values = [Signal?](repeating: nil, count: graph.valueCount)
        for (value, tensor) in graph.constants { values[value.index] = Signal(tensor) }
        for (position, value) in graph.inputs.enumerated() { values[value.index] = inputs[position] }
        var failingLayer: String?
        var steps: [(pullback: Pullback, penalties: [Tensor?])?] = []
        let isFrozen = !pass.trainsLayer
        for node in graph.nodes {
            let layer = graph.layer(of: node)
            let parameters = layers[node.layer]
            let trains = layer.isTrainable && !isFrozen
            var arguments = node.inputs.map { $0.flatMap { values[$0.index] } }
            let wantsInputs = node.inputs.contains { $0.map(needed.contains) ?? false }
            let results = try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
                try arguments.apply(node.mask, values)
                let slots = Slots(arguments)
                _ = try layer.operation.outputTypes(for: slots.map { ValueType(of: $0.tensor) })
                return try pass.inside(layer.name) { inner in
                    inner.trainsLayer = trains
                    inner.wantsInputGradients = wantsInputs
                    return try Self.run(layer, slots, parameters, &inner, keeps: wantsInputs || trains)
                }
            }
            steps.append(results.pullback.map { ($0, results.penalties) })
            if results.pullback != nil { needed.formUnion(node.outputs) }
            for (value, output) in zip(node.outputs, results.outputs) { values[value.index] = output }
            if stopsAtFailure, failingLayer == nil, results.outputs.contains(where: \.tensor.isNotFinite) {
                failingLayer = layer.name
            }
        }
        outputs = Slots(graph.outputs.map { values[$0.index] }).present
        self.steps = steps
        self.failingLayer = failingLayer
        self.needed = needed
    }

    /// Runs a graph with parameters by `layer/parameter`.
    convenience init(
        _ graph: Graph, _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws {
        try self.init(graph, inputs, layers: graph.layers.map { parameters.scoped(to: $0.name) }, &pass)
    }

    private static func run(
        _ layer: Graph.Layer, _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass,
        keeps: Bool
    ) throws -> (outputs: [Signal], pullback: Pullback?, penalties: [Tensor?]) {
        // What no gradient passes through is only run; a wrapper still decides itself which of its parts train.
        let types = try layer.operation.outputTypes(for: inputs.map { ValueType(of: $0.tensor) })
        guard keeps, types.contains(where: \.dtype.isFloat), !inputs.present.isEmpty,
            pass.wantsInputGradients || !parameters.names.isEmpty
                || layer.activityRegularizer != nil
        else {
            guard layer.operation is any TrainableOperator else {
                return (try layer.operation.evaluate(inputs, parameters, &pass.state), nil, [])
            }
            return (try layer.operation.pullback(inputs, parameters, &pass).0, nil, [])
        }
        let (outputs, pullback) = try layer.operation.pullback(inputs, parameters, &pass)
        let penalties = layer.activityRegularizer.map { regularizer in
            outputs.map { output -> Tensor? in
                regularizer.activityPenalty(output.tensor, &pass)
            }
        }
        return (outputs, pullback, penalties ?? outputs.map { _ in nil })
    }

    /// The gradients of the inputs and of the parameters of each layer, from those of the outputs.
    ///
    /// - Throws: ``FerryError`` located at the layer whose gradient cannot be computed.
    func backwardByLayer(_ outputs: [Tensor?]) throws -> (inputs: [Tensor?], layers: [Gradients]) {
        var gradients = [Tensor?](repeating: nil, count: graph.valueCount)
        for (value, gradient) in zip(graph.outputs, outputs) {
            gradients[value.index] = .sum(gradients[value.index], gradient)
        }
        var layers = graph.layers.map { _ in Gradients(inputs: []) }
        for (node, step) in zip(graph.nodes, steps).reversed() {
            guard let step else { continue }
            let dys = zip(node.outputs, step.penalties).map { Tensor.sum(gradients[$0.index], $1) }
            for value in node.outputs { gradients[value.index] = nil }
            guard dys.contains(where: { $0 != nil }) || graph.layer(of: node).operation.addsPenalty else { continue }
            let layer = graph.layer(of: node)
            let inner = try locating("layer '\(layer.name)' (\(layer.operation.kind))") { try step.pullback(dys) }
            layers[node.layer].addParameters(inner)
            for (value, gradient) in zip(node.inputs, inner.inputs) {
                guard let value, needed.contains(value) else { continue }
                gradients[value.index] = .sum(gradients[value.index], gradient)
            }
        }
        return (graph.inputs.map { gradients[$0.index] }, layers)
    }

    /// The gradients of inputs and parameters, the latter by `layer/parameter`.
    func backward(_ outputs: [Tensor?]) throws -> Gradients {
        let (inputs, layers) = try backwardByLayer(outputs)
        var gradients = Gradients(inputs: inputs)
        for (layer, inner) in zip(graph.layers, layers) {
            gradients.parameters.merge(inner.parameters, scope: layer.name)
            for (name, lookups) in inner.lookups { gradients.lookups["\(layer.name)/\(name)"] = lookups }
        }
        return gradients
    }
}

extension Operator {
    /// Whether it adds to the loss by itself, so that it has a gradient even where nobody reads its output.
    fileprivate var addsPenalty: Bool {
        if case .activityPenalty = (self as? Dropout)?.noise { return true }
        return false
    }
}

extension Graph {
    /// The outputs, and the gradients of inputs and parameters (by `layer/parameter`) from those of the outputs.
    ///
    /// - Parameters:
    ///   - cotangents: given the outputs, dL/dy for each.
    ///   - isTraining: whether dropout and batch statistics are on.
    /// - Throws: ``FerryError`` located at the layer that cannot run or be trained.
    package func gradients(
        _ inputs: [Tensor], _ parameters: ParameterSet, isTraining: Bool = true,
        cotangents: ([Tensor]) throws -> [Tensor?]
    ) throws -> (outputs: [Tensor], gradients: Gradients) {
        var pass = TrainingPass(seed: 0, isTraining: isTraining)
        let tape = try GraphTape(self, Slots(inputs.map { Signal($0) }), parameters, &pass)
        let outputs = tape.outputs.map(\.tensor)
        return (outputs, try tape.backward(cotangents(outputs)))
    }
}
