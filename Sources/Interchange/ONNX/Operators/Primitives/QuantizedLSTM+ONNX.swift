import FerryEngine
package import FerryRuntime

/// DynamicQuantizeLSTM of ONNX Runtime.
extension QuantizedLSTM: ONNXReadable {
    package static let readableOperators = ["com.microsoft.DynamicQuantizeLSTM"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let directions = try ONNXRecurrentSettings.directions(&node)
        let activations = try ONNXRecurrentSettings.activations(&node, LSTM.self, directions: directions.count)
        let clip = try node.attributes.float("clip")
        node.attributes.ignore("output_sequence")
        let recurrent = node.type(try node.input(2))
        let units =
            try node.attributes.int("hidden_size") ?? (recurrent.rank == 3 ? recurrent.shape[1].length : nil) ?? 0
        guard 1..<(1 << 24) ~= units else {
            throw FerryError(.missingKey, found: "no attribute 'hidden_size'", expected: "a positive number")
        }
        let attributes = node.attributes
        let layers = try directions.indices.map { index in
            node.attributes = attributes
            var layer = try LSTM(&node, units: units, activations: activations[index])
            layer.clip = clip
            layer.options.goBackwards = directions[index]
            return layer
        }
        var operands = try node.inputs()
        operands += [ONNXOperand?](repeating: nil, count: max(0, 12 - operands.count))
        return try node.append(QuantizedLSTM(layers), operands)
    }
}
