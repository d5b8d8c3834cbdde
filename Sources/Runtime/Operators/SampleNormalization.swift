public import FerryEngine

/// y = γ (x − mean) / √(variance + ε) + β with the statistics of groups of features of each sample (Wu & He 2018).
///
/// Input and output: [batch, …], with the features at ``axis``.
public struct GroupNormalization: Operator, Hashable {
    public static let kind = "GroupNormalization"
    /// The number of groups; −1 makes each feature one.
    public var groups: Int
    /// The axis of the features, counted with the batch as axis 0; negative from the back.
    public var axis: Int
    public var epsilon: Float
    /// Whether β is there.
    public var center = true
    /// Whether γ is there.
    public var scale = true
    public var gamma = ParameterPolicy(.ones)
    public var beta = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(groups: Int = 32, axis: Int = -1, epsilon: Float = 1e-3) {
        self.groups = groups
        self.axis = axis
        self.epsilon = epsilon
    }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let features = try features(inputs[0])
        guard groups == -1 || groups > 0 && features % groups == 0 else {
            throw FerryError(.shape, found: "\(features) features", expected: "a multiple of \(groups) groups")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try features(inputs[0])
        return (scale ? [ParameterSpec("gamma", [features], policy: gamma)] : [])
            + (center ? [ParameterSpec("beta", [features], policy: beta)] : [])
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let axis = try checkedAxis(axis, rank: x.rank)
        let order = [0, axis] + (1..<x.rank).filter { $0 != axis }
        let moved = x.transposed(order)
        let (batch, features) = (x.shape[0], x.shape[axis])
        let lines = batch * (groups == -1 ? features : groups)
        var y = moved.reshaped([lines, lines == 0 ? 0 : x.count / lines]).mapLines(axis: 1, normalize)
            .reshaped(moved.shape)
        let shape = [features] + Array(repeating: 1, count: x.rank - 2)
        if scale { y = y * (try parameters.required("gamma").reshaped(shape)) }
        if center { y = y + (try parameters.required("beta").reshaped(shape)) }
        let inverse = (0..<x.rank).map { order.firstIndex(of: $0) ?? 0 }
        return [Signal(y.transposed(inverse), mask: inputs[0].mask)]
    }

    private func features(_ input: ValueType) throws -> Int {
        let axis = try checkedAxis(axis, rank: input.rank)
        guard axis > 0, let length = input.shape[axis].length else {
            throw FerryError(.shape, found: "input \(input.shape)", expected: "a fixed axis \(axis) behind the batch")
        }
        return length
    }

    private func normalize(_ line: UnsafeMutableBufferPointer<Float>) {
        let mean = line.reduce(0, +) / Float(line.count)
        let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Float(line.count)
        let factor = 1 / (variance + epsilon).squareRoot()
        for i in line.indices { line[i] = (line[i] - mean) * factor }
    }
}

/// x divided by its length along some axes.
public struct UnitNormalization: Operator, Hashable {
    public static let kind = "UnitNormalization"
    /// The axes, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]

    /// Keras's default is the last axis.
    public init(axes: [Int] = [-1]) { self.axes = axes }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality { axes.allSatisfy { $0 < 0 || $0 > 1 } ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxes(axes, rank: inputs[0].rank)
        return [inputs[0].with(dtype: .float32)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let squares = Reduction(.sumOfSquares, axes: .known(axes))
        let sums = try squares.evaluate(Slots([Signal(x)]), parameters, &state)[0].tensor
        let factors = sums.map { (sum: Float) in 1 / max(sum, 1e-12).squareRoot() }
        return [Signal(x * factors, mask: inputs[0].mask)]
    }
}

/// y = scale · x / √(mean of x² + ε) along some axes (Zhang & Sennrich 2019).
public struct RMSNormalization: Operator, Hashable {
    public static let kind = "RMSNormalization"
    /// The axes, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]
    public var epsilon: Float

    /// Keras's defaults.
    public init(axes: [Int] = [-1], epsilon: Float = 1e-6) {
        self.axes = axes
        self.epsilon = epsilon
    }

    public var timeLocality: TimeLocality { axes.allSatisfy { $0 < 0 || $0 > 1 } ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try checkedAxes(axes, rank: inputs[0].rank)
        return [inputs[0].with(dtype: .float32)]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let shape = try checkedAxes(axes, rank: inputs[0].rank).map { axis in
            guard let length = inputs[0].shape[axis].length else {
                throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed axis \(axis)")
            }
            return length
        }
        return [ParameterSpec("scale", shape, policy: .init(.ones))]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let kept = try checkedAxes(axes, rank: x.rank)
        let squares = Reduction(.sumOfSquares, axes: .known(axes))
        let sums = try squares.evaluate(Slots([Signal(x)]), parameters, &state)[0].tensor
        let count = Float(kept.map { x.shape[$0] }.product)
        let factors = sums.map { (sum: Float) in 1 / (sum / count + epsilon).squareRoot() }
        let shape = x.shape.indices.map { kept.contains($0) ? x.shape[$0] : 1 }
        return [Signal(x * factors * (try parameters.required("scale").reshaped(shape)))]
    }
}
