import FerryEngine

/// The products of a convolution and of its two gradients, on the kernels: a window sees columns of a matrix.
///
/// x [batch, channels, …], weights [filters, channels / groups · taps], y [batch, filters, …]; channels first.
struct ConvolutionProducts {
    let window: Window
    let groups: Int
    let input: [Int]
    let output: [Int]
    private let taps: [Tap]

    /// One meeting of the window with the input.
    private struct Tap {
        let position: Int
        let tap: Int
        let source: Int
    }

    /// A convolution over axes of lengths `input`.
    init(_ window: Window, groups: Int, input: [Int]) throws {
        self.window = window
        self.groups = groups
        self.input = input
        output = try window.outputLengths(input)
        var taps: [Tap] = []
        window.forEachTap(input, output) { taps.append(Tap(position: $0, tap: $1, source: $2)) }
        self.taps = taps
    }

    /// y = W∗x
    func forward(_ x: Tensor, _ weights: Tensor) -> Tensor {
        let filters = weights.shape[0] / groups
        let parts = (0..<(x.shape[0] * groups)).map { i in
            weights.sliced(axis: 0, from: i % groups * filters, count: filters).product(columns(x, i))
        }
        return joined(parts, [x.shape[0], weights.shape[0]] + output)
    }

    /// dL/dW from x and dL/dy.
    func weightGradient(_ x: Tensor, _ dy: Tensor) -> Tensor {
        let filters = dy.shape[1] / groups
        var sums = [Tensor?](repeating: nil, count: groups)
        for i in 0..<(x.shape[0] * groups) {
            let part = rows(dy, i, filters).product(columns(x, i), transposingRight: true)
            sums[i % groups] = .sum(sums[i % groups], part)
        }
        let empty = Tensor(zeros: [filters, x.shape[1] / groups * window.lengths.product])
        return .concatenated(sums.map { $0 ?? empty }, axis: 0)
    }

    /// dL/dx from dL/dy: the convolution's transpose.
    func inputGradient(_ dy: Tensor, _ weights: Tensor) -> Tensor {
        let filters = weights.shape[0] / groups
        let channels = weights.shape[1] / max(window.lengths.product, 1)
        let parts = (0..<(dy.shape[0] * groups)).map { i in
            let kernel = weights.sliced(axis: 0, from: i % groups * filters, count: filters)
            return spread(kernel.product(rows(dy, i, filters), transposingLeft: true), channels)
        }
        return joined(parts, [dy.shape[0], channels * groups] + input)
    }

    /// What the window sees of one group of one sample: [channels · taps, positions].
    private func columns(_ x: Tensor, _ index: Int) -> Tensor {
        let channels = x.shape[1] / groups
        let (size, positions, count) = (input.product, output.product, window.lengths.product)
        return x.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [channels * count, positions], of: Float.self) { target in
                for channel in 0..<channels {
                    let base = (index * channels + channel) * size
                    let row = channel * count
                    for tap in taps { target[(row + tap.tap) * positions + tap.position] = source[base + tap.source] }
                }
            }
        }
    }

    /// Adds columns [channels · taps, positions] to the places where the window saw them: [channels, size].
    private func spread(_ columns: Tensor, _ channels: Int) -> Tensor {
        let (size, positions, count) = (input.product, output.product, window.lengths.product)
        return columns.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [channels, size], of: Float.self) { target in
                for channel in 0..<channels {
                    let row = channel * count
                    for tap in taps {
                        target[channel * size + tap.source] += source[(row + tap.tap) * positions + tap.position]
                    }
                }
            }
        }
    }

    /// The outputs of one group of one sample, [filters, positions].
    private func rows(_ y: Tensor, _ index: Int, _ filters: Int) -> Tensor {
        y.reshaped([y.shape[0] * y.shape[1], output.product]).sliced(axis: 0, from: index * filters, count: filters)
    }

    private func joined(_ parts: [Tensor], _ shape: [Int]) -> Tensor {
        parts.isEmpty ? Tensor(zeros: shape) : Tensor.concatenated(parts, axis: 0).reshaped(shape)
    }
}

/// A convolution in Keras's layouts that keeps what its gradient needs.
struct ConvolutionTape {
    private let products: ConvolutionProducts
    private let order: FeatureAxis
    /// x, features first.
    private let x: Tensor
    /// [filters, channels / groups · taps]
    private let weights: Tensor
    private let kernelShape: [Int]
    /// The result without a bias, in the layout of the input.
    let y: Tensor

    /// x∗W with a kernel […, features / groups, filters].
    init(_ x: Tensor, _ kernel: Tensor, _ options: SpatialOptions, groups: Int) throws {
        order = FeatureAxis(options.channelsFirst)
        self.x = order.first(x.cast(to: .float32))
        products = try ConvolutionProducts(options.window, groups: groups, input: Array(self.x.shape.dropFirst(2)))
        kernelShape = kernel.shape
        let order = Self.kernelOrder(kernelShape)
        weights = kernel.transposed(order)
            .reshaped([kernelShape[kernelShape.count - 1], kernelShape.dropLast().reduce(1, *)])
        y = self.order.restored(products.forward(self.x, weights))
    }

    /// The gradients of x and of the kernel.
    func backward(_ dy: Tensor) -> (x: Tensor, kernel: Tensor) {
        let dy = order.first(dy)
        let gradient = products.weightGradient(x, dy)
        let axes = Self.kernelOrder(kernelShape)
        return (
            order.restored(products.inputGradient(dy, weights)),
            gradient.reshaped(axes.map { kernelShape[$0] }).untransposed(axes)
        )
    }

    /// [filters, features, …] of […, features, filters].
    private static func kernelOrder(_ shape: [Int]) -> [Int] {
        let axes = shape.count - 2
        return [axes + 1, axes] + Array(0..<axes)
    }
}

extension Tensor {
    /// The sum over all axes but that of the features.
    func summedOverPlaces(channelsFirst: Bool) -> Tensor {
        guard channelsFirst else { return summedOverRows() }
        return transposed([0] + Array(2..<rank) + [1]).summedOverRows()
    }

    /// This tensor with a number added to each feature.
    func addingBias(_ bias: Tensor, channelsFirst: Bool) -> Tensor {
        self + (channelsFirst ? bias.reshaped([bias.count] + Array(repeating: 1, count: rank - 2)) : bias)
    }
}
