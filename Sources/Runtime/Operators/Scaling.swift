public import FerryEngine

/// scale · x + offset (Keras `Rescaling`).
public struct Rescaling: Operator {
    public static let kind = "Rescaling"
    /// One number, or a tensor that broadcasts to the input.
    public var scale: Tensor
    /// One number, or a tensor that broadcasts to the input.
    public var offset: Tensor

    /// Scales and shifts by numbers.
    public init(scale: Float, offset: Float = 0) {
        self.init(scale: Tensor(scalar: scale), offset: Tensor(scalar: offset))
    }

    /// Scales and shifts by tensors that broadcast to the input.
    public init(scale: Tensor, offset: Tensor) {
        self.scale = scale.cast(to: .float32)
        self.offset = offset.cast(to: .float32)
    }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { scale.rank <= 1 && offset.rank <= 1 ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        for tensor in [scale, offset] {
            guard try broadcastDimensions(inputs[0].shape, tensor.shape.map(Dimension.fixed)).count == inputs[0].rank
            else {
                throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "axes \(tensor.shape)")
            }
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(inputs[0].tensor.cast(to: .float32) * scale + offset, mask: inputs[0].mask)]
    }
}

/// (x − mean) / √variance with the statistics of a data set, or back (Keras `Normalization`).
public struct Normalization: Operator {
    public static let kind = "Normalization"
    /// The axes along which the statistics differ, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]
    /// The statistics where they are settings, and not parameters.
    public var statistics: (mean: Tensor, variance: Tensor)?
    /// Whether x · √variance + mean is computed.
    public var isInverse = false

    /// Keras's default is one mean and variance for each feature.
    public init(axes: [Int] = [-1]) { self.axes = axes }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { axes.allSatisfy { $0 < 0 || $0 > 1 } ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxes(axes, rank: inputs[0].rank)
        return [inputs[0].with(dtype: .float32)]
    }

    /// mean and variance [lengths of the axes], and the count of what they were taken from.
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard statistics == nil else { return [] }
        let shape = try checkedAxes(axes, rank: inputs[0].rank).map { axis in
            guard let length = inputs[0].shape[axis].length else {
                throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed axis \(axis)")
            }
            return length
        }
        return [
            ParameterSpec("mean", shape, isTrainable: false),
            ParameterSpec("variance", shape, isTrainable: false, policy: .init(.ones)),
            ParameterSpec("count", [], isTrainable: false),
        ]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let kept = try checkedAxes(axes, rank: x.rank)
        let shape = x.shape.indices.map { kept.contains($0) ? x.shape[$0] : 1 }
        func spread(_ tensor: Tensor) -> Tensor {
            tensor.count == 1 ? tensor.reshaped([]) : tensor.broadcast(to: kept.map { x.shape[$0] }).reshaped(shape)
        }
        let mean = spread(try statistics?.mean ?? parameters.required("mean"))
        let variance = try statistics?.variance ?? parameters.required("variance")
        // Keras keeps the divisor from zero by this much.
        let deviation = spread(variance.map { (v: Float) in max(v.squareRoot(), 1e-7) })
        let y = isInverse ? x * deviation + mean : try (x - mean).combining(deviation) { (a: Float, b: Float) in a / b }
        return [Signal(y, mask: inputs[0].mask)]
    }
}
