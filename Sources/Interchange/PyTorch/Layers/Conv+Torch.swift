package import FerryEngine
package import FerryRuntime
package import OrderedCollections

extension Conv: TorchLayer {
    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        let axes = options.axes
        let kernel = try parameters.required("kernel").transposed([axes + 1, axes] + Array(0..<axes))
        var tensors: OrderedDictionary = ["weight": kernel]
        if useBias { tensors["bias"] = try parameters.required("bias") }
        return tensors
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        let axes = options.axes
        var parameters = ParameterSet(["kernel": try tensors("weight").transposed(Array(2..<(axes + 2)) + [1, 0])])
        if useBias { parameters["bias"] = try tensors("bias") }
        return parameters
    }

    package func torchModule(_ call: TorchCall) throws -> String {
        guard let features = call.type.shape[options.channelsFirst ? 1 : call.type.rank - 1].length else {
            throw FerryError(.shape, found: "input \(call.type.shape)", expected: "a fixed number of features")
        }
        let hasStrides = options.strides.contains { $0 != 1 }
        var arguments = ["\(features)", "\(filters)", options.size.pythonTuple]
        if hasStrides { arguments.append("stride=\(options.strides.pythonTuple)") }
        if options.padding == .same {
            guard !hasStrides else { throw FerryError.notInTorch("'same' padding with strides") }
            arguments.append("padding='same'")
        }
        if options.dilation.contains(where: { $0 != 1 }) {
            arguments.append("dilation=\(options.dilation.pythonTuple)")
        }
        if groups > 1 { arguments.append("groups=\(groups)") }
        if !useBias { arguments.append("bias=False") }
        return "nn.Conv\(options.axes)d(\(arguments.joined(separator: ", ")))"
    }

    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        var x = options.channelsFirst ? call.input : "\(call.input).movedim(-1, 1)"
        if options.padding == .causal { x = "F.pad(\(x), (\((options.size[0] - 1) * options.dilation[0]), 0))" }
        let y = "\(call.module)(\(x))"
        return [try activation.torch(options.channelsFirst ? y : "\(y).movedim(1, -1)")]
    }
}

extension [Int] {
    /// `3`, or `(3, 5)`.
    var pythonTuple: String { count == 1 ? "\(self[0])" : "(\(map(String.init).joined(separator: ", ")))" }
}
