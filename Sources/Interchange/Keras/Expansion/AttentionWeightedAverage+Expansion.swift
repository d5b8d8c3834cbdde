import FerryEngine
import FerryRuntime

extension AttentionWeightedAverage: KerasExpandable {
    package func expand(in expansion: inout KerasExpansion) throws {
        let x = expansion.inputs[0]
        guard let features = expansion.type(of: x).shape.last?.length else { return }
        var dense = Dense(1)
        (dense.useBias, dense.kernel) = (false, kernel)
        var parameters = ParameterSet()
        parameters["kernel"] = try expansion.node.parameters.required("W")
        let scores = try expansion.add("scores", dense, x, parameters: parameters)
        let weights = try expansion.add("weights", Softmax(axes: [1]), scores)
        let mean = try expansion.add("mean", Dot(axes: (1, 1)), x, weights)
        try expansion.finish(Reshape(features), mean)
        if returnsWeights { try expansion.finish(Reshape(-1), weights, output: 1) }
    }
}
