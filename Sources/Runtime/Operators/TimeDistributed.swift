public import FerryEngine

/// Runs a layer on every time step by itself: [batch, time, …].
public struct TimeDistributed: Operator {
    public static let kind = "TimeDistributed"
    /// The layer that sees one step, [batch, …].
    public var layer: any Operator
    /// The name that the layer has in files.
    public var layerName: String
    /// Whether training changes its parameters.
    public var trainsLayer = true

    /// A layer for every time step.
    public init(_ layer: any Operator) {
        self.layer = layer
        layerName = layer.kind.snakeCased
    }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank >= 2 else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "[batch, time, …]")
        }
        let time = inputs[0].shape[1]
        return try layer.outputTypes(for: step(inputs)).map { type in
            type.with(shape: type.shape.prefix(1) + [time] + type.shape.dropFirst())
        }
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        try layer.parameterSpecs(for: step(inputs)).map { $0.scoped(to: "layer", isTrained: trainsLayer) }
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let inner = PlainOperator(operation: layer, parameters: parameters.scoped(to: "layer"))
        return try PreparedTimeDistributed(layer: inner).run(inputs, &state)
    }

    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        PreparedTimeDistributed(layer: try layer.prepare(parameters.scoped(to: "layer"), packing))
    }

    /// The types that the inner layer sees.
    package func step(_ inputs: Slots<ValueType>) -> Slots<ValueType> {
        inputs.map { $0.with(shape: Array($0.shape.prefix(1) + $0.shape.dropFirst(2))) }
    }
}

/// A ``TimeDistributed`` whose layer is ready to run; steps are treated as more rows of the batch.
struct PreparedTimeDistributed: PreparedOperator {
    let layer: any PreparedOperator

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let x = inputs[0].tensor
        let (batch, time) = (x.shape[0], x.shape[1])
        let rows = inputs.map { Signal($0.tensor.reshaped([batch * time] + $0.tensor.shape.dropFirst(2))) }
        return try layer.run(rows, &state).map { output in
            let shape = [batch, time] + output.tensor.shape.dropFirst()
            return Signal(output.tensor.reshaped(shape), mask: inputs[0].mask)
        }
    }
}
