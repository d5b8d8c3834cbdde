public import FerryEngine

extension Model {
    /// The model with the weight matrices of its dense and recurrent layers rounded to fewer bits, kept as float32.
    ///
    /// A session with these ``WeightPrecision`` keeps exactly such numbers, so the result computes elsewhere what a
    /// session of that precision computes here, but for the rounding of inputs. For int8 each column, that is each unit
    /// of each gate, has a scale of its own.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where no layer has such weights.
    public func rounded(to precision: WeightPrecision) throws -> Model {
        var rounded = parameters
        var count = 0
        for name in parameters.names {
            guard let tensor = parameters[name], tensor.rank == 2, tensor.dtype == .float32,
                ["kernel", "recurrent_kernel"].contains(name.split(separator: "/").last)
            else { continue }
            rounded[name] = tensor.rounded(to: precision)
            count += 1
        }
        guard count > 0 else {
            throw FerryError(
                .unsupported, at: [name], found: "no layer has a kernel to round",
                expected: "a Dense or a recurrent layer")
        }
        return try Model(name: name, graph: graph, parameters: rounded, metadata: metadata)
    }
}

extension Tensor {
    /// A matrix rounded to fewer bits, column by column.
    fileprivate func rounded(to precision: WeightPrecision) -> Tensor {
        switch precision {
        case .float32: return self
        case .bfloat16: return cast(to: .bfloat16).cast(to: .float32)
        case .int8:
            var values = floats
            let (rows, columns) = (shape[0], shape[1])
            for column in 0..<columns {
                let indices = stride(from: column, to: rows * columns, by: columns)
                let scale = (indices.map { abs(values[$0]) }.max() ?? 0) / 127
                for index in indices where scale > 0 {
                    values[index] = (values[index] / scale).rounded(.toNearestOrEven) * scale
                }
            }
            return Tensor(values, shape: shape)
        }
    }
}
