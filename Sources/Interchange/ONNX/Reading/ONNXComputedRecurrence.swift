package import FerryEngine
package import FerryRuntime

/// A recurrent operator whose weights are computed: the layer is made anew in every call.
///
/// Inputs: x, the initial states, then W, R, B and P in ONNX's layout, of which the last two may be left out.
package struct ONNXComputedRecurrence: Operator {
    package static let kind = "ComputedRecurrence"

    /// The layers of the directions; nothing in them depends on the weights.
    private let layers: [any ONNXRecurrentReadable]
    private let units: Int
    private let stateCount: Int

    init(_ layers: [any ONNXRecurrentReadable], units: Int, stateCount: Int) {
        self.layers = layers
        self.units = units
        self.stateCount = stateCount
    }

    package var arity: ClosedRange<Int> { (3 + stateCount)...(5 + stateCount) }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try layer(layers).outputTypes(for: inputs.prefix(1 + stateCount))
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let tensors = (0..<4).map { inputs[optional: 1 + stateCount + $0]?.tensor }
        guard let kernel = tensors[0], let recurrent = tensors[1], let first = layers.first else { return [] }
        let weights = try ONNXRecurrentParts.split(
            kernel, recurrent, biases: tensors[2], peepholes: tensors[3], units: units,
            gates: type(of: first).gateCount,
            directions: layers.count)
        var parts: [ParameterSet] = []
        var made: [any ONNXRecurrentReadable] = []
        for (layer, weights) in zip(layers, weights) {
            var layer = layer
            parts.append(try layer.parameters(weights))
            made.append(layer)
        }
        var all = parts[0]
        if parts.count == 2 {
            all = ParameterSet()
            all.merge(parts[0], scope: "forward")
            all.merge(parts[1], scope: "backward")
        }
        return try layer(made).prepare(all).run(inputs.prefix(1 + stateCount), &state)
    }

    private func layer(_ layers: [any ONNXRecurrentReadable]) -> any Operator {
        layers.count == 1 ? layers[0] : Bidirectional(forward: layers[0], backward: layers[1], merge: nil)
    }
}
