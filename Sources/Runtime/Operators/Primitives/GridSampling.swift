package import FerryEngine

/// Reads the input at the places that a grid names (ONNX `GridSample`).
///
/// Inputs: x [batch, channels, …], places [batch, …, axes], each from −1 to 1 and the last axis of x first. Output:
/// [batch, channels, …] with the lengths of the grid.
package struct GridSampling: TensorFunction, Hashable {
    package static let kind = "GridSampling"

    /// Which elements make one.
    package enum Mode: Sendable, Hashable { case nearest, linear, cubic }
    /// What lies outside.
    package enum Padding: String, Sendable, CaseIterable { case zeros, border, reflection }

    package var mode: Mode
    package var padding: Padding
    /// Whether ±1 are the centres of the outermost elements, else their outer edges.
    package var alignsCorners: Bool

    package init(_ mode: Mode, padding: Padding, alignsCorners: Bool) {
        self.mode = mode
        self.padding = padding
        self.alignsCorners = alignsCorners
    }

    package var arity: ClosedRange<Int> { 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (x, grid) = (inputs[0], inputs[1])
        guard x.rank >= 3, grid.rank == x.rank, grid.shape[grid.rank - 1].isCompatible(with: .fixed(x.rank - 2)) else {
            throw FerryError(
                .shape, found: "input \(x.shape), grid \(grid.shape)",
                expected: "[batch, channels, …] and [batch, …, as many places as axes]")
        }
        return [x.with(shape: [x.shape[0], x.shape[1]] + grid.shape.dropFirst().dropLast())]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, grid) = (inputs[0], inputs[1])
        let (batch, channels, lengths) = (x.shape[0], x.shape[1], Array(x.shape.dropFirst(2)))
        let places = Array(grid.shape.dropFirst().dropLast())
        guard grid.shape[0] == batch else {
            throw FerryError(.shape, found: "grid \(grid.shape)", expected: "a batch of \(batch)")
        }
        _ = try checkedShape([batch, channels] + places)
        let (values, targets) = (x.doubles, grid.doubles)
        let (size, count, axes) = (lengths.product, places.product, lengths.count)
        var result = [Double](repeating: 0, count: batch * channels * count)
        for sample in 0..<batch {
            for place in 0..<count {
                let at = (0..<axes).map { axis in
                    located(targets[(sample * count + place) * axes + axes - 1 - axis], lengths[axis])
                }
                for (offset, weight) in corners(at, lengths) {
                    for channel in 0..<channels {
                        let plane = sample * channels + channel
                        result[plane * count + place] += weight * values[plane * size + offset]
                    }
                }
            }
        }
        return [Tensor(result, shape: [batch, channels] + places, dtype: x.dtype)]
    }

    /// The borders behind which padding begins.
    private func borders(_ length: Int) -> (low: Double, high: Double) {
        alignsCorners ? (0, Double(length - 1)) : (-0.5, Double(length) - 0.5)
    }

    private func located(_ place: Double, _ length: Int) -> Double {
        var x = alignsCorners ? (place + 1) / 2 * Double(length - 1) : ((place + 1) * Double(length) - 1) / 2
        if mode == .nearest { x = x.rounded(.toNearestOrEven) }
        let (low, high) = borders(length)
        guard x.isFinite else { return -1e9 }
        guard x < low || x > high else { return x }
        switch padding {
        case .zeros: return min(max(x, -1e9), 1e9)
        case .border: return min(max(x, 0), Double(length - 1))
        case .reflection: return reflected(x, length)
        }
    }

    private func reflected(_ x: Double, _ length: Int) -> Double {
        let (low, high) = borders(length)
        let range = high - low
        guard range > 0 else { return 0 }
        let distance = x < low ? low - x : x > high ? x - high : -1
        guard distance >= 0 else { return x }
        let rest = distance.truncatingRemainder(dividingBy: range)
        let isEven = (distance / range).rounded(.towardZero).truncatingRemainder(dividingBy: 2) == 0
        return (x < low) == isEven ? low + rest : high - rest
    }

    /// The elements that make the one at `at`, by their offset in row-major order, with their weights.
    private func corners(_ at: [Double], _ lengths: [Int]) -> [(offset: Int, weight: Double)] {
        var result: [(offset: Int, weight: Double)] = [(0, 1)]
        for (x, length) in zip(at, lengths) {
            result = result.flatMap { offset, weight in
                taps(x).compactMap { index, share in
                    self.index(index, length).map { (offset * length + $0, weight * share) }
                }
            }
        }
        return result
    }

    private func taps(_ x: Double) -> [(Int, Double)] {
        let base = Int(x.rounded(.down))
        let rest = x - Double(base)
        switch mode {
        case .nearest: return [(Int(x.rounded(.toNearestOrEven)), 1)]
        case .linear: return rest == 0 ? [(base, 1)] : [(base, 1 - rest), (base + 1, rest)]
        case .cubic: return (-1...2).map { (base + $0, Self.cubic(abs(Double($0) - rest))) }
        }
    }

    /// The element that stands for the one at `index`; nil where it is zero.
    private func index(_ index: Int, _ length: Int) -> Int? {
        if 0..<length ~= index { return index }
        switch padding {
        case .zeros: return nil
        case .border: return min(max(index, 0), length - 1)
        case .reflection: return min(max(Int(reflected(Double(index), length)), 0), length - 1)
        }
    }

    private static func cubic(_ x: Double) -> Double {
        let a = -0.75
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
}

/// The places that an affine map sends the elements of a grid to (ONNX `AffineGrid`).
///
/// Inputs: the maps [batch, axes, axes + 1], the lengths of the grid [batch, channels, …] where they are computed.
/// Output: [batch, …, axes], the last axis of the grid first.
package struct AffineGrid: TensorFunction, Hashable {
    package static let kind = "AffineGrid"
    package var lengths: Integers
    package var alignsCorners: Bool

    package init(_ lengths: Integers, alignsCorners: Bool) {
        self.lengths = lengths
        self.alignsCorners = alignsCorners
    }

    package var arity: ClosedRange<Int> { lengths.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 3, let axes = inputs[0].shape[1].length,
            inputs[0].shape[2].isCompatible(with: .fixed(axes + 1))
        else { throw FerryError(.shape, found: "maps \(inputs[0].shape)", expected: "[batch, axes, axes + 1]") }
        let known = lengths.expected.map { Array($0.dropFirst(2)) } ?? [Dimension](repeating: .unknown, count: axes)
        return [inputs[0].with(shape: [inputs[0].shape[0]] + known + [.fixed(axes)])]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (maps, axes) = (inputs[0].doubles, inputs[0].shape[1])
        let given = lengths.slot.map { inputs[$0].ints } ?? lengths.values ?? []
        let shape = Array(given.dropFirst(2))
        guard shape.count == axes else {
            throw FerryError(.shape, found: "lengths \(given)", expected: "batch, channels and \(axes) axes")
        }
        let size = try checkedShape([inputs[0].shape[0]] + shape + [axes])
        var result: [Double] = []
        result.reserveCapacity(size.product)
        for sample in 0..<inputs[0].shape[0] {
            forEachIndex(shape) { position in
                let place = zip(position, shape).map { i, length -> Double in
                    guard alignsCorners else { return Double(2 * i + 1) / Double(length) - 1 }
                    return length > 1 ? Double(2 * i) / Double(length - 1) - 1 : -1
                }
                for row in 0..<axes {
                    let base = (sample * axes + row) * (axes + 1)
                    var sum = maps[base + axes]
                    for axis in 0..<axes { sum += maps[base + axis] * place[axes - 1 - axis] }
                    result.append(sum)
                }
            }
        }
        return [Tensor(result, shape: size, dtype: inputs[0].dtype)]
    }
}

/// Pools the parts of images that boxes cut out to a fixed size (ONNX `RoiAlign`).
///
/// Inputs: x [batch, channels, height, width], boxes [boxes, 4] by two corners, the sample of each box.
package struct BoxPooling: TensorFunction, Hashable {
    package static let kind = "BoxPooling"
    package var takesMaximum: Bool
    package var height: Int
    package var width: Int
    /// How many points along each axis make one element; 0 lets the box decide.
    package var samples: Int
    /// What the boxes' coordinates are multiplied by.
    package var scale: Float
    /// Whether an element's centre lies half an element behind its coordinate.
    package var isHalfPixel: Bool

    package init(
        takesMaximum: Bool, height: Int, width: Int, samples: Int, scale: Float, isHalfPixel: Bool
    ) {
        self.takesMaximum = takesMaximum
        self.height = height
        self.width = width
        self.samples = samples
        self.scale = scale
        self.isHalfPixel = isHalfPixel
    }

    package var arity: ClosedRange<Int> { 3...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].rank == 4, inputs[1].rank == 2, inputs[1].shape[1].isCompatible(with: 4), height > 0, width > 0
        else {
            throw FerryError(.shape, found: "inputs \(inputs.present.map(\.shape))", expected: "images and boxes of 4")
        }
        return [inputs[0].with(shape: [inputs[1].shape[0], inputs[0].shape[1], .fixed(height), .fixed(width)])]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (x, boxes) = (inputs[0], inputs[1].doubles)
        let (channels, rows, columns, values) = (x.shape[1], x.shape[2], x.shape[3], x.doubles)
        let batch = try inputs[2].ints.map { try checkedIndex($0, length: x.shape[0]) }
        guard batch.count == inputs[1].shape[0] else {
            throw FerryError(.shape, found: "\(batch.count) samples", expected: "\(inputs[1].shape[0])")
        }
        let shape = try checkedShape([batch.count, channels, height, width])
        var result = [Double](repeating: 0, count: shape.product)
        for (box, sample) in batch.enumerated() {
            let shift = isHalfPixel ? 0.5 : 0
            let edges = (0..<4).map { boxes[box * 4 + $0] * Double(scale) - shift }
            var (boxWidth, boxHeight) = (edges[2] - edges[0], edges[3] - edges[1])
            if !isHalfPixel { (boxWidth, boxHeight) = (max(boxWidth, 1), max(boxHeight, 1)) }
            let (binHeight, binWidth) = (boxHeight / Double(height), boxWidth / Double(width))
            let down = samples > 0 ? samples : max(0, Int(binHeight.rounded(.up)))
            let across = samples > 0 ? samples : max(0, Int(binWidth.rounded(.up)))
            for cell in 0..<(height * width) {
                let points = (0..<(down * across)).map { point in
                    let y =
                        edges[1] + (Double(cell / width) + (Double(point / across) + 0.5) / Double(down)) * binHeight
                    let x =
                        edges[0] + (Double(cell % width) + (Double(point % across) + 0.5) / Double(across)) * binWidth
                    return corners(y, x, rows, columns)
                }
                for channel in 0..<channels {
                    let plane = (sample * channels + channel) * rows * columns
                    let parts = points.map { $0.map { $0.weight * values[plane + $0.offset] } }
                    let total = takesMaximum ? parts.joined().max() ?? 0 : parts.joined().reduce(0, +)
                    result[((box * channels + channel) * height * width) + cell] =
                        takesMaximum ? total : total / Double(max(points.count, 1))
                }
            }
        }
        return [Tensor(result, shape: shape, dtype: x.dtype)]
    }

    /// The four elements around a point with their shares; none where it lies more than one element outside.
    private func corners(_ y: Double, _ x: Double, _ rows: Int, _ columns: Int) -> [(offset: Int, weight: Double)] {
        guard y >= -1, y <= Double(rows), x >= -1, x <= Double(columns) else { return [(0, 0)] }
        func split(_ place: Double, _ length: Int) -> (low: Int, high: Int, rest: Double) {
            let place = max(place, 0)
            let low = Int(place)
            return low >= length - 1 ? (length - 1, length - 1, 0) : (low, low + 1, place - Double(low))
        }
        let (row, column) = (split(y, rows), split(x, columns))
        return [
            (row.low * columns + column.low, (1 - row.rest) * (1 - column.rest)),
            (row.low * columns + column.high, (1 - row.rest) * column.rest),
            (row.high * columns + column.low, row.rest * (1 - column.rest)),
            (row.high * columns + column.high, row.rest * column.rest),
        ]
    }
}
