public import FerryEngine

/// A model used as a layer of another.
///
/// Inputs and outputs are those of its graph; masks pass in and out as they do through its layers.
public struct Submodel: Operator {
    public static let kind = "Model"
    /// What it computes.
    public let graph: Graph

    /// A layer that runs `graph`.
    public init(_ graph: Graph) { self.graph = graph }

    public var arity: ClosedRange<Int> { graph.inputs.count...graph.inputs.count }
    public var isStateful: Bool { graph.isStateful }
    public func carriesMask(inputs: [Bool]) -> Bool { graph.outputs.first.map(graph.carriesMask) ?? false }
    public var timeLocality: TimeLocality {
        let localities = graph.layers.map(\.operation.timeLocality)
        if localities.contains(.wholeSequence) { return .wholeSequence }
        return localities.contains(.recurrent) ? .recurrent : .perStep
    }

    /// Its layers count for themselves.
    public func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int { 0 }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        for (position, value) in graph.inputs.enumerated() {
            let expected = graph.type(of: value).shape
            let found = inputs[position].shape
            guard found.count == expected.count, zip(found, expected).allSatisfy({ $0.isCompatible(with: $1) }) else {
                throw FerryError(.shape, found: "input \(found)", expected: "\(expected)")
            }
        }
        return try graph.outputTypes(for: inputs)
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] { try graph.parameterSpecs() }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        try PreparedGraph(plain: graph, parameters).run(inputs, &state)
    }

    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        try PreparedGraph(graph, parameters, packing)
    }
}

extension Graph {
    /// The types of the outputs for inputs of other types than those it was built with.
    func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var types: [ValueID: ValueType] = constants.mapValues { ValueType(of: $0) }
        for (position, value) in self.inputs.enumerated() { types[value] = inputs[position] }
        for node in nodes {
            let slots = Slots(node.inputs.map { $0.flatMap { types[$0] } })
            let layer = layer(of: node)
            let outputs = try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
                try layer.operation.outputTypes(for: slots)
            }
            for (value, type) in zip(node.outputs, outputs) { types[value] = type }
        }
        return outputs.map { types[$0] ?? type(of: $0) }
    }
}
