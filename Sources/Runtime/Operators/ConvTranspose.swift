public import FerryEngine

/// The gradient of a ``Conv`` with respect to its input, used as a layer: each input element adds a window of weights
/// to the output (`Conv1DTranspose`, `Conv2DTranspose`, `Conv3DTranspose` of Keras).
///
/// Input and output: [batch, …, features], or [batch, features, …] where channels come first.
public struct ConvTranspose: Operator, Hashable {
    public static let kind = "ConvTranspose"

    /// The number of features of the output.
    public var filters: Int
    /// The window; `causal` has no meaning here.
    public var options: SpatialOptions
    /// How much longer each axis of the output is than the shortest that fits; nil gives Keras's usual length.
    public var outputPadding: [Int]?
    /// Applied to the result.
    public var activation: ActivationFunction
    public var useBias = true
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)

    /// Keras's defaults.
    public init(_ filters: Int, _ options: SpatialOptions, activation: ActivationFunction = .linear) {
        self.filters = filters
        self.options = options
        self.activation = activation
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        _ = try options.features(inputs[0])
        try options.window.validate()
        guard options.padding != .causal else {
            throw FerryError(.unsupported, found: "padding 'causal'", expected: "'valid' or 'same'")
        }
        var shape = inputs[0].shape
        for (i, axis) in order.spatial(rank: shape.count).enumerated() {
            shape[axis] = shape[axis].length.map { .fixed(length(i, $0)) } ?? .unknown
        }
        shape[options.channelsFirst ? 1 : shape.count - 1] = .fixed(filters)
        return [ValueType(.float32, shape)]
    }

    /// kernel […, filters, features], bias [filters].
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let features = try options.features(inputs[0])
        let kernel = ParameterSpec("kernel", options.size + [filters, features], policy: kernel)
        return useBias ? [kernel, ParameterSpec("bias", [filters], policy: bias)] : [kernel]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = order.first(inputs[0].tensor.cast(to: .float32))
        let kernel = try parameters.required("kernel")
        let input = Array(x.shape.dropFirst(2))
        let output = input.enumerated().map { length($0, $1) }
        // [filters · taps, features]: what one feature adds to each tap of each filter.
        let axes = options.axes
        let weights = kernel.transposed([axes] + Array(0..<axes) + [axes + 1])
            .reshaped([filters * options.size.product, x.shape[1]])
        let samples = (0..<x.shape[0]).map { sample in
            let columns = x.sliced(axis: 0, from: sample, count: 1).reshaped([x.shape[1], input.product])
            return spread(weights.matmul(columns), input, output)
        }
        let shape = [filters] + output
        let joined = samples.isEmpty ? Tensor(zeros: [0] + shape) : Tensor.stacked(samples, axis: 0)
        var y = joined.reshaped([x.shape[0]] + shape)
        if useBias { y = y + (try parameters.required("bias")).reshaped([filters] + output.map { _ in 1 }) }
        return [Signal(try activation(order.restored(y)))]
    }

    private var order: FeatureAxis { FeatureAxis(options.channelsFirst) }

    /// The length of axis `i` of the output (`deconv_output_length` of Keras).
    private func length(_ i: Int, _ input: Int) -> Int {
        let extent = (options.size[i] - 1) * options.dilation[i] + 1
        let stride = options.strides[i]
        guard let outputPadding else {
            return input * stride + (options.padding == .valid ? max(extent - stride, 0) : 0)
        }
        return max(0, (input - 1) * stride + (options.padding == .valid ? extent : extent % 2) + outputPadding[i])
    }

    /// Adds each column of [filters · taps, positions] to the places that its window sees: [filters, …].
    private func spread(_ columns: Tensor, _ input: [Int], _ output: [Int]) -> Tensor {
        let (taps, positions, size) = (options.size.product, input.product, output.product)
        return columns.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [filters, size], of: Float.self) { target in
                options.window.forEachTap(output, input) { position, tap, place in
                    for filter in 0..<filters {
                        target[filter * size + place] += source[(filter * taps + tap) * positions + position]
                    }
                }
            }
        }
    }
}
