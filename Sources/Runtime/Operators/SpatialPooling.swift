public import FerryEngine

/// Makes one number of what a window sees of each feature (`MaxPooling1D`, `AveragePooling2D` … of Keras).
///
/// Input and output: [batch, …, features], or [batch, features, …] where channels come first. Padding does not count.
public struct LocalPooling: Operator, Hashable {
    public static let kind = "LocalPooling"

    /// What the number is.
    public enum Function: String, Sendable { case maximum = "Max", average = "Average" }

    /// What the number is.
    public var function: Function
    public var options: SpatialOptions

    /// Pools by `function`.
    public init(_ function: Function, _ options: SpatialOptions) {
        self.function = function
        self.options = options
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try options.checkRank(inputs[0].shape)
        let features = inputs[0].shape[options.channelsFirst ? 1 : inputs[0].rank - 1]
        return [ValueType(.float32, try options.outputShape(inputs[0].shape, features: features))]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let order = FeatureAxis(options.channelsFirst)
        let pooling = Pooling(function == .maximum ? .maximum : .average(countsPadding: false), window: options.window)
        let x = Signal(order.first(inputs[0].tensor.cast(to: .float32)))
        return [Signal(order.restored(try pooling.evaluate(Slots([x]), parameters, &state)[0].tensor))]
    }
}

/// Makes one number of each feature (`GlobalAveragePooling1D`, `GlobalMaxPooling2D` … of Keras).
///
/// Input: [batch, …, features], or [batch, features, …] where channels come first. Output: [batch, features], or the
/// same rank with axes of length 1. An average over time leaves masked steps out.
public struct GlobalPooling: Operator, Hashable {
    public static let kind = "GlobalPooling"

    /// What the number is.
    public var function: LocalPooling.Function
    /// The number of axes between batch and features.
    public var axes: Int
    public var channelsFirst = false
    /// Whether the axes stay, with length 1.
    public var keepsAxes = false

    /// Pools over `axes` axes by `function`.
    public init(_ function: LocalPooling.Function, axes: Int = 1) {
        self.function = function
        self.axes = axes
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let shape = inputs[0].shape
        guard shape.count == axes + 2 else {
            throw FerryError(
                .shape, found: "input \(shape)", expected: "\(axes + 2) axes, batch and features among them")
        }
        let spatial = order.spatial(rank: shape.count)
        let kept = shape.indices.compactMap { axis -> Dimension? in
            spatial.contains(axis) ? (keepsAxes ? .fixed(1) : nil) : shape[axis]
        }
        return [ValueType(.float32, kept)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = order.first(inputs[0].tensor.cast(to: .float32))
        let places = x.shape.dropFirst(2).reduce(1, *)
        let counts = function == .average && axes == 1 ? inputs[0].mask?.elements(Bool.self) : nil
        let values = x.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: Array(x.shape.prefix(2)), of: Float.self) { target in
                for line in target.indices {
                    let row = line / x.shape[1] * places
                    let elements = (0..<places).filter { counts?[row + $0] ?? true }.map { source[line * places + $0] }
                    target[line] = pooled(elements)
                }
            }
        }
        let ones = Array(repeating: 1, count: axes)
        return [Signal(keepsAxes ? order.restored(values.reshaped(values.shape + ones)) : values)]
    }

    private var order: FeatureAxis { FeatureAxis(channelsFirst) }

    private func pooled(_ elements: [Float]) -> Float {
        switch function {
        case .maximum: elements.reduce(-.infinity, max)
        case .average: elements.reduce(0, +) / Float(elements.count)
        }
    }
}
