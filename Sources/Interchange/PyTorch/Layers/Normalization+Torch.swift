package import FerryEngine
package import FerryRuntime
package import OrderedCollections

extension BatchNormalization: TorchLayer {
    /// PyTorch has both of γ and β or neither.
    private var isAffine: Bool { scale || center }

    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        let mean = try parameters.required("moving_mean")
        var tensors: OrderedDictionary<String, Tensor> = [:]
        if isAffine {
            tensors["weight"] = scale ? try parameters.required("gamma") : .ones(like: mean)
            tensors["bias"] = center ? try parameters.required("beta") : Tensor(zeros: mean.shape, dtype: mean.dtype)
        }
        tensors["running_mean"] = mean
        tensors["running_var"] = try parameters.required("moving_variance")
        tensors["num_batches_tracked"] = Tensor(scalar: Int64(0))
        return tensors
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        var parameters = ParameterSet()
        if scale { parameters["gamma"] = try tensors("weight") }
        if center { parameters["beta"] = try tensors("bias") }
        parameters["moving_mean"] = try tensors("running_mean")
        parameters["moving_variance"] = try tensors("running_var")
        return parameters
    }

    package func torchModule(_ call: TorchCall) throws -> String {
        guard let axis = resolvedAxis(axis, rank: call.type.rank), let features = call.type.shape[axis].length else {
            throw FerryError(.shape, found: "input \(call.type.shape)", expected: "a fixed axis \(axis)")
        }
        let dimensions = call.type.rank > 3 ? call.type.rank - 2 : 1
        guard dimensions <= 3 else { throw FerryError.notInTorch("a batch normalisation of \(call.type.rank) axes") }
        // Keras's momentum is the share that stays, PyTorch's the one that is new.
        let share = Float(1 - momentum)
        return "nn.BatchNorm\(dimensions)d(\(features), eps=\(epsilon), momentum=\(share)"
            + "\(isAffine ? "" : ", affine=False"))"
    }

    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        let rank = call.type.rank
        let isSecond = rank == 2 || resolvedAxis(axis, rank: rank) == 1
        let moved = "\(call.input).movedim(\(axis), 1)"
        return [isSecond ? "\(call.module)(\(call.input))" : "\(call.module)(\(moved)).movedim(1, \(axis))"]
    }
}

extension LayerNormalization: TorchLayer {
    package func torchTensors(_ parameters: ParameterSet) throws -> OrderedDictionary<String, Tensor> {
        guard scale || center else { return [:] }
        let known = try parameters.required(scale ? "gamma" : "beta")
        var tensors: OrderedDictionary = ["weight": scale ? known : .ones(like: known)]
        if center { tensors["bias"] = try parameters.required("beta") }
        return tensors
    }

    package func parameters(torch tensors: TorchModuleTensors) throws -> ParameterSet {
        var parameters = ParameterSet()
        if scale { parameters["gamma"] = try tensors("weight") }
        if center { parameters["beta"] = try tensors("bias") }
        return parameters
    }

    package func torchModule(_ call: TorchCall) throws -> String {
        let rank = call.type.rank
        let normalized = resolvedAxes(rank: rank)
        guard !usesRootMeanSquare, normalized == Array((rank - normalized.count)..<rank), axes == axes.sorted() else {
            throw FerryError.notInTorch("a layer normalisation of other axes than the last ones")
        }
        let lengths = normalized.compactMap { call.type.shape[$0].length }
        guard lengths.count == normalized.count else {
            throw FerryError(.shape, found: "input \(call.type.shape)", expected: "fixed axes \(axes)")
        }
        let shape = lengths.count == 1 ? "\(lengths[0])" : "(\(lengths.map(String.init).joined(separator: ", ")))"
        let options = scale || center ? (center ? "" : ", bias=False") : ", elementwise_affine=False"
        return "nn.LayerNorm(\(shape), eps=\(epsilon)\(options))"
    }

    package func torchForward(_ call: inout TorchCall) throws -> [String] { ["\(call.module)(\(call.input))"] }
}

extension Tensor {
    /// Ones of the shape and type of another tensor.
    fileprivate static func ones(like other: Tensor) -> Tensor {
        Tensor([Float](repeating: 1, count: other.count), shape: other.shape).cast(to: other.dtype)
    }
}
