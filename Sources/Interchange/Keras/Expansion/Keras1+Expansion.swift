import FerryEngine
import FerryRuntime

extension Highway: KerasExpandable {
    /// y = x + T∘(τ(x·W + b) − x)
    package func expand(in expansion: inout KerasExpansion) throws {
        let x = expansion.inputs[0]
        guard let features = expansion.type(of: x).shape.last?.length else { return }
        func dense(_ activation: ActivationFunction) -> Dense {
            var dense = Dense(features, activation: activation)
            (dense.useBias, dense.kernel, dense.bias) = (useBias, kernel, bias)
            return dense
        }
        func parameters(_ suffix: String) throws -> ParameterSet {
            var result = ParameterSet()
            result["kernel"] = try expansion.node.parameters.required("W\(suffix)")
            if useBias { result["bias"] = try expansion.node.parameters.required("b\(suffix)") }
            return result
        }
        let carry = try parameters("_carry")
        let transform = try parameters("")
        let gate = try expansion.add("gate", dense(.sigmoid), x, parameters: carry)
        let transformed = try expansion.add("transform", dense(activation), x, parameters: transform)
        let change = try expansion.add("change", Merge(.subtract), transformed, x)
        let gated = try expansion.add("gated", Merge(.multiply), gate, change)
        try expansion.finish(Merge(.add), x, gated)
    }
}

extension MaxoutDense: KerasExpandable {
    package func expand(in expansion: inout KerasExpansion) throws {
        var dense = Dense(pieces * units)
        (dense.useBias, dense.kernel, dense.bias) = (useBias, kernel, bias)
        var parameters = ParameterSet()
        let kernels = try expansion.node.parameters.required("W")
        parameters["kernel"] = kernels.transposed([1, 0, 2]).reshaped([kernels.shape[1], pieces * units])
        if useBias {
            parameters["bias"] = try expansion.node.parameters.required("b").reshaped([pieces * units])
        }
        let all = try expansion.add("pieces", dense, expansion.inputs[0], parameters: parameters)
        let split = try expansion.add("split", Reshape(pieces, units), all)
        try expansion.finish(GlobalPooling(.maximum), split)
    }
}

extension CosineMerge: KerasExpandable {
    /// The cosine of vectors; what Keras 1 computes of longer inputs is no cosine, and no layer has it.
    package func expand(in expansion: inout KerasExpansion) throws {
        let inputs = expansion.inputs
        guard inputs.allSatisfy({ expansion.type(of: $0).rank == 2 }) else { return }
        let cosine = try expansion.add("cosine", Dot(axes: (axes[0], axes[1]), normalizes: true), inputs[0], inputs[1])
        try expansion.finish(Reshape(1, 1), cosine)
    }
}
