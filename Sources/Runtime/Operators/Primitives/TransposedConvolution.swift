package import FerryEngine

/// The gradient of a ``Convolution`` with respect to its input (ONNX `ConvTranspose`): each element adds a window of
/// weights to the output.
///
/// Inputs: x [batch, channels, …], weights [channels, output channels / groups, …], optionally a bias.
package struct TransposedConvolution: TensorFunction, Hashable {
    package static let kind = "TransposedConvolution"
    /// The window; its pads are cut off the output.
    package var window: Window
    package var groups: Int
    /// What the output is longer than need be, behind.
    package var outputPadding: [Int]
    /// The lengths of the output, which then decide the pads.
    package var outputLengths: [Int]?

    package init(_ window: Window, groups: Int, outputPadding: [Int], outputLengths: [Int]?) {
        self.window = window
        self.groups = groups
        self.outputPadding = outputPadding
        self.outputLengths = outputLengths
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try window.validate()
        try requireOneType(inputs.present)
        let (x, weights, axes) = (inputs[0], inputs[1], window.lengths.count)
        guard x.rank == axes + 2, weights.rank == x.rank, x.dtype.isFloat, outputPadding.count == axes, groups > 0,
            outputLengths.map({ $0.count == axes }) ?? true, x.shape[1].isCompatible(with: weights.shape[0]),
            zip(weights.shape.dropFirst(2), window.lengths).allSatisfy({ $0.isCompatible(with: .fixed($1)) }),
            weights.shape[0].length.map({ $0 % groups == 0 }) ?? true
        else {
            throw FerryError(
                .shape, found: "input \(x) and weights \(weights)",
                expected: "[batch, channels, …] of floats and [channels, output channels / groups] + \(window.lengths)")
        }
        let channels = weights.shape[1].length.map { Dimension.fixed($0 * groups) } ?? .unknown
        let lengths = x.shape.dropFirst(2).enumerated().map { axis, length in
            length.length.map { Dimension.fixed(span(axis, $0).length) } ?? .unknown
        }
        return [x.with(shape: [x.shape[0], channels] + lengths)]
    }

    /// Products are added one by one, which takes as long as 16 each.
    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        inputs[0].knownCount.times(inputs[1].with(shape: Array(inputs[1].shape.dropFirst())).knownCount)
            .times(16)
    }

    /// The length of the output along an axis, and how much is cut off before it.
    private func span(_ axis: Int, _ input: Int) -> (length: Int, before: Int) {
        let extent = (window.lengths[axis] - 1) * window.dilations[axis] + 1
        let whole = window.strides[axis] * (input - 1) + extent + outputPadding[axis]
        let isSame = [.sameUpper, .sameLower].contains(window.automaticPadding)
        if let length = outputLengths?[axis] ?? (isSame ? input * window.strides[axis] : nil) {
            let total = max(0, whole - length)
            return (length, window.automaticPadding == .sameUpper ? total / 2 : total - total / 2)
        }
        let pads = window.pads
        return (max(0, whole - pads[axis] - pads[axis + window.lengths.count]), pads[axis])
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, weights) = (inputs[0], inputs[1])
        let input = Array(x.shape.dropFirst(2))
        let spans = input.enumerated().map { span($0, $1) }
        let (lengths, perGroup) = (spans.map(\.length), weights.shape[1])
        let shape = try checkedShape([x.shape[0], perGroup * groups] + lengths)
        let (inside, taps, size) = (x.shape[1] / groups, window.lengths.product, lengths.product)
        let (source, kernel) = (x.floats, weights.floats)
        var y = [Float](repeating: 0, count: shape.product)
        forEachTarget(input, spans) { position, tap, target in
            for sample in 0..<x.shape[0] {
                for channel in 0..<x.shape[1] {
                    let value = source[(sample * x.shape[1] + channel) * input.product + position]
                    for k in 0..<perGroup {
                        let plane = sample * perGroup * groups + channel / inside * perGroup + k
                        y[plane * size + target] += value * kernel[(channel * perGroup + k) * taps + tap]
                    }
                }
            }
        }
        if let bias = inputs[optional: 2]?.floats {
            guard bias.count == shape[1] else {
                throw FerryError(.shape, found: "\(bias.count) biases", expected: "\(shape[1])")
            }
            for i in y.indices { y[i] += bias[i / max(size, 1) % shape[1]] }
        }
        return [Tensor(y, shape: shape).cast(to: x.dtype)]
    }

    /// Calls `body` with each input position, each tap of the window there and the place in the output that it meets.
    private func forEachTarget(
        _ input: [Int], _ spans: [(length: Int, before: Int)],
        _ body: (_ position: Int, _ tap: Int, _ target: Int) -> Void
    ) {
        let strides = spans.map(\.length).rowMajorStrides
        var position = 0
        forEachIndex(input) { at in
            var tap = 0
            forEachIndex(window.lengths) { k in
                var (target, isInside) = (0, true)
                for axis in k.indices {
                    let i = at[axis] * window.strides[axis] + k[axis] * window.dilations[axis] - spans[axis].before
                    isInside = isInside && 0..<spans[axis].length ~= i
                    target += i * strides[axis]
                }
                if isInside { body(position, tap, target) }
                tap += 1
            }
            position += 1
        }
    }
}

/// Adds up overlapping blocks of an image (ONNX `Col2Im`).
///
/// Inputs: columns [batch, channels · block, blocks], then what is computed of the image's and the block's lengths.
package struct ColumnsToImage: TensorFunction, Hashable {
    package static let kind = "ColumnsToImage"
    package var image: Integers
    package var block: Integers
    package var strides: [Int]
    package var dilations: [Int]
    package var pads: [Int]

    package init(image: Integers, block: Integers, strides: [Int], dilations: [Int], pads: [Int]) {
        self.image = image
        self.block = block
        self.strides = strides
        self.dilations = dilations
        self.pads = pads
    }

    package var arity: ClosedRange<Int> {
        let count = 1 + ([image.slot, block.slot].compactMap { $0 }.max() ?? 0)
        return count...count
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 3, let axes = image.count(inputs) else {
            throw FerryError(.shape, found: "columns \(inputs[0])", expected: "[batch, channels · block, blocks]")
        }
        let channels = inputs[0].shape[1].length
        let taps = block.values?.product
        let depth = channels.flatMap { c in taps.map { Dimension.fixed($0 > 0 ? c / $0 : 0) } } ?? .unknown
        let lengths = image.expected ?? [Dimension](repeating: .unknown, count: axes)
        return [inputs[0].with(shape: [inputs[0].shape[0], depth] + lengths)]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        func given(_ integers: Integers) -> [Int] { integers.slot.map { inputs[$0].ints } ?? integers.values ?? [] }
        let (image, block) = (given(image), given(block))
        let window = Window(lengths: block, strides: strides, dilations: dilations, pads: pads)
        try window.validate()
        let blocks = try window.outputLengths(try checkedShape(image))
        let (taps, size) = (block.product, image.product)
        guard image.count == block.count, blocks.product == x.shape[2], x.shape[1] % taps == 0 else {
            throw FerryError(
                .shape, found: "columns \(x.shape)", expected: "\(taps) for each channel, \(blocks) blocks")
        }
        let planes = x.shape[0] * x.shape[1] / taps
        let values = x.doubles
        var result = [Double](repeating: 0, count: planes * size)
        window.forEachTap(image, blocks) { position, tap, place in
            for plane in 0..<planes {
                result[plane * size + place] += values[(plane * taps + tap) * x.shape[2] + position]
            }
        }
        return [Tensor(result, shape: [x.shape[0], x.shape[1] / taps] + image, dtype: x.dtype)]
    }
}
