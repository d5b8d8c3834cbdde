public import FerryEngine

/// y = γ (x − mean) / √(variance + ε) + β along one axis, with moving statistics (Ioffe & Szegedy 2015).
public struct BatchNormalization: Operator, Hashable {
    public static let kind = "BatchNormalization"

    /// The axis of the features, counted with the batch as axis 0; negative from the back.
    public var axis: Int
    public var epsilon: Float
    /// How slowly the moving statistics follow.
    public var momentum: Double
    /// Whether β is there.
    public var center = true
    /// Whether γ is there.
    public var scale = true
    public var gamma = ParameterPolicy(.ones)
    public var beta = ParameterPolicy(.zeros)
    public var movingMean = ParameterPolicy(.zeros)
    public var movingVariance = ParameterPolicy(.ones)

    /// Keras's defaults.
    public init(axis: Int = -1, epsilon: Float = 1e-3, momentum: Double = 0.99) {
        self.axis = axis
        self.epsilon = epsilon
        self.momentum = momentum
    }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard resolvedAxis(axis, rank: inputs[0].rank) != nil else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "an axis \(axis)")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        guard let axis = resolvedAxis(axis, rank: inputs[0].rank), let length = inputs[0].shape[axis].length else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed axis \(axis)")
        }
        var specs: [ParameterSpec] = []
        if scale { specs.append(ParameterSpec("gamma", [length], policy: gamma)) }
        if center { specs.append(ParameterSpec("beta", [length], policy: beta)) }
        return specs + [
            ParameterSpec("moving_mean", [length], isTrainable: false, policy: movingMean),
            ParameterSpec("moving_variance", [length], isTrainable: false, policy: movingVariance),
        ]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let (factors, offsets) = try affine(parameters)
        let axis = resolvedAxis(axis, rank: x.rank) ?? x.rank - 1
        var shape = [Int](repeating: 1, count: x.rank)
        shape[axis] = x.shape[axis]
        let y = x * Tensor(factors, shape: shape) + Tensor(offsets, shape: shape)
        return [Signal(y, mask: inputs[0].mask)]
    }

    /// The layer as y = factor · x + offset, one of each for each feature.
    package func affine(_ parameters: ParameterSet) throws -> (factors: [Float], offsets: [Float]) {
        let mean = try parameters.required("moving_mean").floats
        let variance = try parameters.required("moving_variance").floats
        let gamma = scale ? try parameters.required("gamma").floats : nil
        let beta = center ? try parameters.required("beta").floats : nil
        let factors = variance.indices.map { (gamma?[$0] ?? 1) / (variance[$0] + epsilon).squareRoot() }
        let offsets = factors.indices.map { (beta?[$0] ?? 0) - mean[$0] * factors[$0] }
        return (factors, offsets)
    }
}

/// y = γ (x − mean) / √(variance + ε) + β, with the statistics of each sample along some axes (Ba et al. 2016).
public struct LayerNormalization: Operator, Hashable {
    public static let kind = "LayerNormalization"

    /// The axes that are normalised together; negative ones from the back.
    public var axes: [Int]
    public var epsilon: Float
    /// Whether β is there.
    public var center = true
    /// Whether γ is there.
    public var scale = true
    /// Whether the mean is left in and the root of the mean square divides (Zhang & Sennrich 2019).
    public var usesRootMeanSquare = false
    public var gamma = ParameterPolicy(.ones)
    public var beta = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(axes: [Int] = [-1], epsilon: Float = 1e-3) {
        self.axes = axes
        self.epsilon = epsilon
    }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { axes.allSatisfy { $0 < 0 || $0 > 1 } ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard axes.allSatisfy({ resolvedAxis($0, rank: inputs[0].rank) != nil }) else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "axes \(axes)")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        // In the order in which the axes are given: Keras shapes γ so, and then reads it in the order of the input.
        let shape = try axes.map { given in
            let axis = resolvedAxis(given, rank: inputs[0].rank) ?? 0
            guard let length = inputs[0].shape[axis].length else {
                throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed axis \(axis)")
            }
            return length
        }
        let gamma = scale ? [ParameterSpec("gamma", shape, policy: gamma)] : []
        return center && !usesRootMeanSquare ? gamma + [ParameterSpec("beta", shape, policy: beta)] : gamma
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let axes = resolvedAxes(rank: x.rank)
        let others = (0..<x.rank).filter { !axes.contains($0) }
        let grouped = x.transposed(others + axes)
        let length = axes.map { x.shape[$0] }.product
        let lines = grouped.reshaped([length == 0 ? 0 : x.count / length, length])
        var y = lines.mapLines(axis: 1, normalize)
        if scale { y = y * (try parameters.required("gamma").reshaped([1, length])) }
        if center && !usesRootMeanSquare { y = y + (try parameters.required("beta").reshaped([1, length])) }
        let inverse = (0..<x.rank).map { axis in (others + axes).firstIndex(of: axis) ?? 0 }
        return [Signal(y.reshaped(grouped.shape).transposed(inverse), mask: inputs[0].mask)]
    }

    /// The axes counted from the front, in the order of the input's.
    package func resolvedAxes(rank: Int) -> [Int] { axes.compactMap { resolvedAxis($0, rank: rank) }.sorted() }

    private func normalize(_ line: UnsafeMutableBufferPointer<Float>) {
        let count = Float(line.count)
        let mean = usesRootMeanSquare ? 0 : line.reduce(0, +) / count
        let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
        let factor = 1 / (variance + epsilon).squareRoot()
        for i in line.indices { line[i] = (line[i] - mean) * factor }
    }
}
