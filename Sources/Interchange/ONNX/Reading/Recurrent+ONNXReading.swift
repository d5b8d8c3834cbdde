package import FerryEngine
package import FerryRuntime

extension LSTM: ONNXRecurrentReadable {
    package static let readableOperators = ["LSTM"]
    package static var gateCount: Int { onnxGateOrder.gates.count }
    package static let defaultActivations: [ActivationFunction] = [.sigmoid, .tanh, .tanh]

    package init(_ node: inout ONNXNodeReader, units: Int, activations: [ActivationFunction]) throws {
        self.init(units, activation: activations[1], recurrentActivation: activations[0])
        if activations[2] != activations[1] { outputActivation = activations[2] }
        couplesInputAndForget = try node.attributes.flag("input_forget", default: false)
    }

    package mutating func parameters(_ weights: ONNXRecurrentParts) throws -> ParameterSet {
        func reordered(_ tensor: Tensor) -> Tensor { Self.onnxGateOrder.reorder(tensor, axis: 0, to: Self.gateOrder) }
        var result = ParameterSet()
        result["kernel"] = reordered(weights.kernel).transposed([1, 0])
        result["recurrent_kernel"] = reordered(weights.recurrentKernel).transposed([1, 0])
        result["bias"] = weights.bias.map(reordered)
        result["peephole"] = weights.peephole.map {
            Self.onnxPeepholeOrder.reorder($0, axis: 0, to: Self.peepholeOrder)
        }
        useBias = weights.biases != nil
        usesPeepholes = weights.peephole != nil
        return result
    }
}

extension GRU: ONNXRecurrentReadable {
    package static let readableOperators = ["GRU"]
    package static var gateCount: Int { onnxGateOrder.gates.count }
    package static let defaultActivations: [ActivationFunction] = [.sigmoid, .tanh]

    package init(_ node: inout ONNXNodeReader, units: Int, activations: [ActivationFunction]) throws {
        let stated = try node.attributes.int("linear_before_reset")
        let resetsBefore = stated ?? 0 == 0
        self.init(
            units, activation: activations[1], recurrentActivation: activations[0],
            resetAfter: !resetsBefore || node.isMistakenPyTorchGRU)
        let place = "node '\(node.scope.label(node.node))' (GRU)"
        if resetsBefore && node.isMistakenPyTorchGRU {
            node.scope.note(
                "\(place) says linear_before_reset = 0, which PyTorch's exporter wrote by mistake; read as 1")
        } else if stated == 0 && node.scope.producer == "pytorch" {
            node.scope.note(
                "\(place) says linear_before_reset = 0, as no GRU of PyTorch does; compare its numbers")
        }
    }

    package mutating func parameters(_ weights: ONNXRecurrentParts) throws -> ParameterSet {
        func reordered(_ tensor: Tensor, axis: Int) -> Tensor {
            Self.onnxGateOrder.reorder(tensor, axis: axis, to: Self.gateOrder)
        }
        var result = ParameterSet()
        result["kernel"] = reordered(weights.kernel, axis: 0).transposed([1, 0])
        result["recurrent_kernel"] = reordered(weights.recurrentKernel, axis: 0).transposed([1, 0])
        // Only where the reset acts after the product do the two biases meet the new gate apart.
        result["bias"] =
            resetAfter
            ? weights.biases.map { reordered($0, axis: 1) } : weights.bias.map { reordered($0, axis: 0) }
        useBias = weights.biases != nil
        return result
    }
}

extension ONNXNodeReader {
    /// Whether PyTorch's exporter made this node of `aten.gru`, which always resets after the product; onnxscript wrote
    /// linear_before_reset = 0 between November 2025 and June 2026 (onnxscript #2852).
    fileprivate var isMistakenPyTorchGRU: Bool {
        node.metadata.contains { entry in
            ["pkg.torch.onnx.class_hierarchy", "namespace"].contains(entry.key) && entry.value.contains("aten.gru")
        }
    }
}

extension SimpleRNN: ONNXRecurrentReadable {
    package static let readableOperators = ["RNN"]
    package static let gateCount = 1
    package static let defaultActivations: [ActivationFunction] = [.tanh]

    package init(_ node: inout ONNXNodeReader, units: Int, activations: [ActivationFunction]) {
        self.init(units, activation: activations[0])
    }

    package mutating func parameters(_ weights: ONNXRecurrentParts) throws -> ParameterSet {
        var result = ParameterSet()
        result["kernel"] = weights.kernel.transposed([1, 0])
        result["recurrent_kernel"] = weights.recurrentKernel.transposed([1, 0])
        result["bias"] = weights.bias
        useBias = weights.biases != nil
        return result
    }
}
