import FerryEngine

/// How a layer slides a window over the axes between batch and features; the names and meanings are Keras's.
public struct SpatialOptions: Sendable, Hashable {
    /// What happens at the ends of an axis.
    public enum Padding: String, Sendable {
        /// Only whole windows count.
        case valid
        /// Zeros on both sides make the output ⌈length / stride⌉ long; the odd one goes behind.
        case same
        /// Zeros before the first step let each output see no later input.
        case causal
    }

    /// The length of the window along each axis.
    public var size: [Int]
    public var strides: [Int]
    public var dilation: [Int]
    public var padding = Padding.valid
    /// Whether the features are axis 1, [batch, features, …], and not the last one, [batch, …, features].
    public var channelsFirst = false

    /// A window; the empty lists mean 1 along each axis.
    public init(size: [Int], strides: [Int] = [], dilation: [Int] = [], padding: Padding = .valid) {
        self.size = size
        self.strides = strides.isEmpty ? size.map { _ in 1 } : strides
        self.dilation = dilation.isEmpty ? size.map { _ in 1 } : dilation
        self.padding = padding
    }

    /// The number of axes that the window slides over.
    public var axes: Int { size.count }

    /// The window by its numbers.
    package var window: Window {
        let causal = zip(size, dilation).map { ($0 - 1) * $1 }
        var window = Window(
            lengths: size, strides: strides, dilations: dilation,
            pads: padding == .causal ? causal + size.map { _ in 0 } : [])
        window.automaticPadding = padding == .same ? .sameUpper : .none
        return window
    }

    /// The axes of what a window puts out for each of its places.
    func outputShape(_ input: [Dimension], features: Dimension) throws -> [Dimension] {
        try checkRank(input)
        let shape = try window.outputShape(FeatureAxis(channelsFirst).first(input), channels: features)
        return FeatureAxis(channelsFirst).restored(shape)
    }

    /// The number of features of an input.
    ///
    /// - Throws: ``FerryError/Code/shape`` where it is free.
    func features(_ input: ValueType) throws -> Int {
        try checkRank(input.shape)
        guard let features = input.shape[channelsFirst ? 1 : input.rank - 1].length else {
            throw FerryError(.shape, found: "input \(input.shape)", expected: "a fixed number of features")
        }
        return features
    }

    func checkRank(_ input: [Dimension]) throws {
        guard input.count == axes + 2 else {
            throw FerryError(
                .shape, found: "input \(input)",
                expected: channelsFirst ? "[batch, features] and \(axes) axes" : "[batch], \(axes) axes and [features]")
        }
    }
}

extension SpatialOptions {
    /// How a sequence is cut into windows.
    struct Cut {
        /// Steps of padding before the sequence.
        let before: Int
        /// The steps with the padding around them.
        let padded: Int
        /// The number of windows.
        let windows: Int
    }

    /// Cuts `time` steps into windows without dilation.
    func cut(_ time: Int) -> Cut {
        let (size, stride) = (size[0], strides[0])
        switch padding {
        case .valid: return Cut(before: 0, padded: time, windows: time < size ? 0 : (time - size) / stride + 1)
        case .causal: return Cut(before: size - 1, padded: time + size - 1, windows: (time + stride - 1) / stride)
        case .same:
            let windows = (time + stride - 1) / stride
            let zeros = max((windows - 1) * stride + size - time, 0)
            return Cut(before: zeros / 2, padded: time + zeros, windows: windows)
        }
    }
}

/// Where the features of [batch, …] are, and how to bring them elsewhere.
struct FeatureAxis {
    private let isFirst: Bool

    /// Features at axis 1, or at the end.
    init(_ channelsFirst: Bool) { isFirst = channelsFirst }

    /// [batch, features, …] of this order.
    func first<Length>(_ shape: [Length]) -> [Length] {
        isFirst ? shape : shape.prefix(1) + shape.suffix(1) + shape.dropFirst().dropLast()
    }

    /// This order of [batch, features, …].
    func restored<Length>(_ shape: [Length]) -> [Length] {
        isFirst ? shape : Array(shape.prefix(1) + shape.dropFirst(2) + shape[1..<2])
    }

    /// [batch, features, …] of this order.
    func first(_ tensor: Tensor) -> Tensor {
        isFirst ? tensor : tensor.transposed(first(Array(0..<tensor.rank)))
    }

    /// This order of [batch, features, …].
    func restored(_ tensor: Tensor) -> Tensor {
        isFirst ? tensor : tensor.transposed(restored(Array(0..<tensor.rank)))
    }

    /// The axes between batch and features of a tensor of `rank` axes.
    func spatial(rank: Int) -> Range<Int> { isFirst ? 2..<max(rank, 2) : 1..<max(rank - 1, 1) }
}
