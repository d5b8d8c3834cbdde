package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How a window slides over the axes behind batch and channels.
package struct Window: Sendable, Hashable {
    /// How an input is padded where no numbers say so.
    package enum AutomaticPadding: String, Sendable, CaseIterable {
        /// By the numbers in ``pads``.
        case none
        /// So that the output is ⌈length / stride⌉ long, an odd one behind.
        case sameUpper
        /// So that the output is ⌈length / stride⌉ long, an odd one before.
        case sameLower
        /// Not at all.
        case valid
    }

    /// The length of the window along each axis.
    package var lengths: [Int]
    package var strides: [Int]
    package var dilations: [Int]
    /// How many elements are added before each axis, then how many behind each.
    package var pads: [Int]
    package var automaticPadding = AutomaticPadding.none
    /// Whether a window that is cut off at the end counts.
    package var roundsUp = false

    /// A window from its parts; the empty lists mean 1, 1 and 0.
    package init(lengths: [Int], strides: [Int] = [], dilations: [Int] = [], pads: [Int] = []) {
        self.lengths = lengths
        self.strides = strides.isEmpty ? lengths.map { _ in 1 } : strides
        self.dilations = dilations.isEmpty ? lengths.map { _ in 1 } : dilations
        self.pads = pads.isEmpty ? lengths.flatMap { _ in [0, 0] } : pads
    }

    /// - Throws: ``FerryError/Code/range`` where the lists do not belong together.
    package func validate() throws {
        let axes = lengths.count
        let positive = (lengths + strides + dilations).allSatisfy { 1..<(1 << 24) ~= $0 }
        guard axes > 0, strides.count == axes, dilations.count == axes, pads.count == 2 * axes, positive,
            pads.allSatisfy({ 0..<(1 << 24) ~= $0 }), lengths.checkedProduct != nil
        else {
            throw FerryError(
                .range, found: "window \(lengths), strides \(strides), dilations \(dilations), pads \(pads)",
                expected: "one positive number each and two pads for each of the axes")
        }
    }

    /// The pads before and behind `axis`, counted without batch and channels, of the given length.
    func pads(axis: Int, length: Int) -> (before: Int, behind: Int) {
        let axes = lengths.count
        switch automaticPadding {
        case .none: return (pads[axis], pads[axis + axes])
        case .valid: return (0, 0)
        case .sameUpper, .sameLower:
            let output = (length + strides[axis] - 1) / strides[axis]
            let total = max(0, (output - 1) * strides[axis] + extent(axis) - length)
            return automaticPadding == .sameUpper ? (total / 2, total - total / 2) : (total - total / 2, total / 2)
        }
    }

    /// The lengths of the output axes for inputs of the given lengths.
    func outputLengths(_ input: [Int]) throws -> [Int] {
        try lengths.indices.map { axis in
            let (before, behind) = pads(axis: axis, length: input[axis])
            let room = input[axis] + before + behind - extent(axis)
            guard room >= 0 else {
                throw FerryError(.shape, found: "length \(input[axis])", expected: "no less than the window \(lengths)")
            }
            var count = room / strides[axis] + 1
            if roundsUp && room % strides[axis] != 0 {
                // A window must begin inside the input or the padding before it.
                count = count * strides[axis] < input[axis] + before ? count + 1 : count
            }
            return count
        }
    }

    /// The axes of the output, [batch, channels, …], as far as they are known.
    func outputShape(_ input: [Dimension], channels: Dimension) throws -> [Dimension] {
        try validate()
        guard input.count == lengths.count + 2 else {
            throw FerryError(
                .shape, found: "input \(input)", expected: "[batch, channels] and \(lengths.count) axes more")
        }
        let axes = try lengths.indices.map { axis -> Dimension in
            guard let length = input[axis + 2].length else { return unchanged(axis) ? input[axis + 2] : .unknown }
            var lengths = self.lengths.map { _ in extent(axis) + length }
            lengths[axis] = length
            return .fixed(try outputLength(axis, length))
        }
        return [input[0], channels] + axes
    }

    private func outputLength(_ axis: Int, _ length: Int) throws -> Int {
        var single = Window(
            lengths: [lengths[axis]], strides: [strides[axis]], dilations: [dilations[axis]],
            pads: [pads[axis], pads[axis + lengths.count]])
        single.automaticPadding = automaticPadding
        single.roundsUp = roundsUp
        return try single.outputLengths([length])[0]
    }

    /// Whether the output is as long as the input, whatever its length.
    private func unchanged(_ axis: Int) -> Bool {
        guard strides[axis] == 1 else { return false }
        let (before, behind) = pads(axis: axis, length: extent(axis))
        return [.sameUpper, .sameLower].contains(automaticPadding) || before + behind == extent(axis) - 1
    }

    private func extent(_ axis: Int) -> Int { (lengths[axis] - 1) * dilations[axis] + 1 }

    /// How many taps of the window at each output position lie in the input or its padding.
    func paddedTaps(_ input: [Int], _ output: [Int]) -> [Float] {
        var counts: [Float] = []
        forEachIndex(output) { at in
            counts.append(
                at.indices.reduce(1) { count, axis in
                    let (before, behind) = pads(axis: axis, length: input[axis])
                    let start = at[axis] * strides[axis] - before
                    let taps = (0..<lengths[axis]).count { start + $0 * dilations[axis] < input[axis] + behind }
                    return count * Float(taps)
                })
        }
        return counts
    }

    /// Calls `body` with each output position and each tap of the window that meets the input there: all positions and
    /// taps counted in row-major order.
    func forEachTap(
        _ input: [Int], _ output: [Int], _ body: (_ position: Int, _ tap: Int, _ source: Int) -> Void
    ) {
        let strideOf = input.rowMajorStrides
        let before = lengths.indices.map { pads(axis: $0, length: input[$0]).before }
        var position = 0
        forEachIndex(output) { at in
            var tap = 0
            forEachIndex(lengths) { k in
                var source = 0
                var isInside = true
                for axis in k.indices {
                    let i = at[axis] * strides[axis] + k[axis] * dilations[axis] - before[axis]
                    isInside = isInside && i >= 0 && i < input[axis]
                    source += i * strideOf[axis]
                }
                if isInside { body(position, tap, source) }
                tap += 1
            }
            position += 1
        }
    }
}

/// Slides a window over [batch, channels, …] and multiplies what it sees by weights, in groups of channels.
///
/// Inputs: x, weights [output channels, channels / groups, …], optionally a bias [output channels].
package struct Convolution: Operator, Hashable {
    package static let kind = "Convolution"
    package var window: Window
    package var groups: Int

    package init(_ window: Window, groups: Int = 1) {
        self.window = window
        self.groups = groups
    }

    package var arity: ClosedRange<Int> { 2...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        let (x, weights) = (inputs[0], inputs[1])
        let fits =
            weights.rank == window.lengths.count + 2 && weights.rank == x.rank && groups > 0
            && zip(weights.shape.dropFirst(2), window.lengths).allSatisfy { $0.isCompatible(with: .fixed($1)) }
        guard fits, x.dtype.isFloat else {
            throw FerryError(
                .shape, found: "input \(x) and weights \(weights)",
                expected: "[batch, channels, …] of floats and [output channels, channels / groups] + \(window.lengths)")
        }
        if let channels = x.shape[1].length, let perGroup = weights.shape[1].length, channels != perGroup * groups {
            throw FerryError(.shape, found: "\(channels) channels", expected: "\(groups) groups of \(perGroup)")
        }
        if let bias = inputs[optional: 2], bias.rank != 1 || !bias.shape[0].isCompatible(with: weights.shape[0]) {
            throw FerryError(.shape, found: "a bias \(bias.shape)", expected: "\([weights.shape[0]])")
        }
        if let outputs = weights.shape[0].length, outputs % groups != 0 {
            throw FerryError(.shape, found: "\(outputs) output channels", expected: "a multiple of \(groups) groups")
        }
        return [x.with(shape: try window.outputShape(x.shape, channels: weights.shape[0]))]
    }

    /// The products, and what it takes to gather the elements of every window, which is as long as 64 each.
    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        let taps = inputs[1].with(shape: Array(inputs[1].shape.dropFirst())).knownCount
        let places = outputs[0].with(shape: [outputs[0].shape[0]] + outputs[0].shape.dropFirst(2)).knownCount
        return outputs[0].knownCount.times(taps).plus(places.times(taps).times(groups).times(64))
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let weights = inputs[1].tensor.cast(to: .float32)
        let (batch, outputs) = (x.shape[0], weights.shape[0])
        let lengths = try window.outputLengths(Array(x.shape.dropFirst(2)))
        _ = try checkedShape([max(outputs, x.shape[1] * window.lengths.product)] + lengths)
        let flat = weights.reshaped([outputs, weights.shape.dropFirst().reduce(1, *)])
        let parts = (0..<(batch * groups)).map { i in
            flat.sliced(axis: 0, from: i % groups * (outputs / groups), count: outputs / groups)
                .matmul(columns(x, sample: i / groups, group: i % groups, lengths))
        }
        var y = parts.isEmpty ? Tensor(zeros: [0]) : Tensor.concatenated(parts, axis: 0)
        y = y.reshaped([batch, outputs, lengths.product])
        if let bias = inputs[optional: 2]?.tensor { y = y + bias.cast(to: .float32).reshaped([outputs, 1]) }
        return [Signal(y.reshaped([batch, outputs] + lengths).cast(to: inputs[0].tensor.dtype))]
    }

    /// What the window sees of one group of channels: [channels · taps, positions].
    private func columns(_ x: Tensor, sample: Int, group: Int, _ lengths: [Int]) -> Tensor {
        let channels = x.shape[1] / groups
        let input = Array(x.shape.dropFirst(2))
        let (size, positions, taps) = (input.product, lengths.product, window.lengths.product)
        let base = (sample * x.shape[1] + group * channels) * size
        return x.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [channels * taps, positions], of: Float.self) { target in
                window.forEachTap(input, lengths) { position, tap, offset in
                    for channel in 0..<channels {
                        target[(channel * taps + tap) * positions + position] = source[base + channel * size + offset]
                    }
                }
            }
        }
    }
}

/// Makes one number of what a window sees of each channel of [batch, channels, …].
package struct Pooling: Operator, Hashable {
    package static let kind = "Pooling"

    /// What the one number is.
    package enum Function: Sendable, Hashable {
        case maximum
        /// The padding counts as zeros where `countsPadding`, or does not count at all.
        case average(countsPadding: Bool)
        /// The p-th root of the sum of p-th powers.
        case norm(Float)
    }

    package var function: Function
    /// The window; nil sees everything.
    package var window: Window?

    package init(_ function: Function, window: Window?) {
        self.function = function
        self.window = window
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let x = inputs[0]
        guard x.dtype != .bool, x.dtype.isFloat || function == .maximum, x.rank >= 3 else {
            throw FerryError(.shape, found: "input \(x)", expected: "[batch, channels, …] of floats")
        }
        guard let window else { return [x.with(shape: x.shape.prefix(2) + x.shape.dropFirst(2).map { _ in 1 })] }
        return [x.with(shape: try window.outputShape(x.shape, channels: x.shape[1]))]
    }

    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        window?.lengths.reduce(outputs[0].knownCount.times(64)) { $0.times($1) } ?? inputs[0].knownCount
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor.cast(to: .float32)
        let input = Array(x.shape.dropFirst(2))
        let window = window ?? Window(lengths: input)
        let lengths = try window.outputLengths(input)
        _ = try checkedShape(x.shape.prefix(2) + lengths)
        let planes = x.shape[0] * x.shape[1]
        let y = x.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
            Tensor(shape: [planes, lengths.product], of: Float.self) { target in
                for plane in 0..<planes {
                    let line = UnsafeBufferPointer(
                        rebasing: source[(plane * input.product)..<((plane + 1) * input.product)])
                    let seen = UnsafeMutableBufferPointer(
                        rebasing: target[(plane * lengths.product)..<((plane + 1) * lengths.product)])
                    pool(line, seen, window, input, lengths)
                }
            }
        }
        return [Signal(y.reshaped(x.shape.prefix(2) + lengths).cast(to: inputs[0].tensor.dtype))]
    }

    private func pool(
        _ source: UnsafeBufferPointer<Float>, _ target: UnsafeMutableBufferPointer<Float>, _ window: Window,
        _ input: [Int], _ lengths: [Int]
    ) {
        switch function {
        case .maximum:
            target.update(repeating: -.infinity)
            window.forEachTap(input, lengths) { target[$0] = max(target[$0], source[$2]) }
        case .average(let countsPadding):
            var counts = [Float](repeating: 0, count: target.count)
            window.forEachTap(input, lengths) { position, _, offset in
                target[position] += source[offset]
                counts[position] += 1
            }
            if countsPadding { counts = window.paddedTaps(input, lengths) }
            for i in target.indices { target[i] /= max(counts[i], 1) }
        case .norm(let p):
            window.forEachTap(input, lengths) { target[$0] += pow(abs(source[$2]), p) }
            for i in target.indices { target[i] = pow(target[i], 1 / p) }
        }
    }
}
