package import FerryEngine
package import FerryRuntime
package import OrderedCollections

extension Dense: TorchLayer {
    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        var tensors: OrderedDictionary = ["weight": try parameters.required("kernel").transposed([1, 0])]
        if useBias { tensors["bias"] = try parameters.required("bias") }
        return tensors
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        var parameters = ParameterSet(["kernel": try tensors("weight").transposed([1, 0])])
        if useBias { parameters["bias"] = try tensors("bias") }
        return parameters
    }

    package func torchModule(_ call: TorchCall) throws -> String {
        "nn.Linear(\(try call.features()), \(units)\(useBias ? "" : ", bias=False"))"
    }

    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        [try activation.torch("\(call.module)(\(call.input))")]
    }
}

extension Embedding: TorchLayer {
    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        ["weight": try parameters.required("embeddings")]
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        ParameterSet(["embeddings": try tensors("weight")])
    }

    package func torchModule(_ call: TorchCall) throws -> String { "nn.Embedding(\(vocabulary), \(size))" }

    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        let isInteger = call.type.dtype == .int64 || call.type.dtype == .int32
        return ["\(call.module)(\(call.input)\(isInteger ? "" : ".long()"))"]
    }
}
