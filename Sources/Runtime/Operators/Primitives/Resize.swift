package import FerryEngine

/// Stretches or shrinks axes by interpolation (ONNX `Resize`, one axis after the other).
///
/// Inputs: x, then what is computed of the region, the factors and the lengths.
package struct Resize: TensorFunction {
    package static let kind = "Resize"

    /// Which elements make a new one.
    package enum Mode: String, Sendable, CaseIterable { case nearest, linear, cubic }

    /// Where in the input an element of the output lies.
    package enum Coordinates: String, Sendable, CaseIterable {
        case halfPixel = "half_pixel"
        case halfPixelSymmetric = "half_pixel_symmetric"
        case pytorchHalfPixel = "pytorch_half_pixel"
        case alignCorners = "align_corners"
        case asymmetric
        case cropAndResize = "tf_crop_and_resize"
        /// Of version 10 for shrinking, one that version 11 dropped.
        case halfPixelForNearest = "tf_half_pixel_for_nn"
    }

    /// Which neighbour is the nearest.
    package enum Rounding: String, Sendable, CaseIterable {
        case preferFloor = "round_prefer_floor"
        case preferCeiling = "round_prefer_ceil"
        case floor, ceil
    }

    /// What becomes of lengths whose ratios differ.
    package enum AspectRatio: String, Sendable, CaseIterable {
        case stretch
        case notLarger = "not_larger"
        case notSmaller = "not_smaller"
    }

    package var mode = Mode.nearest
    package var coordinates = Coordinates.halfPixel
    package var rounding = Rounding.preferFloor
    package var aspectRatio = AspectRatio.stretch
    /// The parameter a of Keys's cubic.
    package var cubicCoefficient: Float = -0.75
    /// Whether elements beyond the edge have no weight, else the edge stands for them.
    package var excludesOutside = false
    /// What lies outside the region of ``Coordinates/cropAndResize``.
    package var extrapolation: Float = 0
    /// Whether shrinking widens the window.
    package var antialiases = false
    /// The axes; nil means all.
    package var axes: [Int]?
    /// The factors, where they are known.
    package var factors: [Float]?
    /// The input that holds the factors.
    package var factorSlot: Int?
    /// The lengths of the output.
    package var lengths: Integers?
    /// The input that holds the region: where it starts along each axis, then where it ends.
    package var regionSlot: Int?

    package init() {}

    package var arity: ClosedRange<Int> {
        let count = 1 + ([factorSlot, lengths?.slot, regionSlot].compactMap { $0 }.max() ?? 0)
        return count...count
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var type = inputs[0]
        let axes = try resolvedAxes(rank: type.rank)
        if let lengths = lengths?.values, aspectRatio == .stretch {
            try check(lengths.count, axes.count)
            for (axis, length) in zip(axes, lengths) { type.shape[axis] = .fixed(length) }
        } else if let factors {
            try check(factors.count, axes.count)
            for (axis, factor) in zip(axes, factors) {
                type.shape[axis] = try type.shape[axis].length.map { .fixed(try stretched($0, factor)) } ?? .unknown
            }
        } else {
            for axis in axes { type.shape[axis] = .unknown }
        }
        return [type]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        var x = inputs[0]
        let axes = try resolvedAxes(rank: x.rank)
        let plans = try plans(inputs, axes)
        _ = try checkedShape(
            x.shape.indices.map { axis in axes.firstIndex(of: axis).map { plans[$0].length } ?? x.shape[axis] })
        for (axis, plan) in zip(axes, plans) where !plan.isIdentity { x = plan.applied(to: x, axis: axis) }
        return [x]
    }

    private func resolvedAxes(rank: Int) throws -> [Int] {
        try axes.map { try $0.map { try checkedAxis($0, rank: rank) } } ?? Array(0..<rank)
    }

    private func check(_ count: Int, _ axes: Int) throws {
        guard count == axes else { throw FerryError(.shape, found: "\(count) factors or lengths", expected: "\(axes)") }
    }

    private func stretched(_ length: Int, _ factor: Float) throws -> Int {
        let result = (Float(length) * factor).rounded(.down)
        guard factor > 0, result < 0x1p40 else {
            throw FerryError(.range, found: "a factor of \(factor)", expected: "a positive number")
        }
        return Int(result)
    }

    private func plans(_ inputs: Slots<Tensor>, _ axes: [Int]) throws -> [ResizePlan] {
        let shape = inputs[0].shape
        let region = regionSlot.flatMap { inputs[optional: $0]?.floats } ?? []
        var goal: [(length: Int, factor: Float)]
        if let lengths = lengths.map({ $0.slot.map { inputs[$0].ints } ?? $0.values ?? [] }) {
            try check(lengths.count, axes.count)
            goal = zip(axes, lengths).map { ($1, Float($1) / Float(shape[$0])) }
            if aspectRatio != .stretch {
                let factors = goal.map(\.factor)
                let factor = (aspectRatio == .notLarger ? factors.min() : factors.max()) ?? 1
                goal = axes.map { (Int((Float(shape[$0]) * factor).rounded(.toNearestOrAwayFromZero)), factor) }
            }
        } else {
            let factors = factorSlot.flatMap { inputs[optional: $0]?.floats } ?? factors ?? []
            try check(factors.count, axes.count)
            goal = try zip(axes, factors).map { (try stretched(shape[$0], $1), $1) }
        }
        guard coordinates != .cropAndResize || region.count == 2 * axes.count else {
            throw FerryError(.shape, found: "a region of \(region.count) numbers", expected: "\(2 * axes.count)")
        }
        return axes.enumerated().map { i, axis in
            let part = coordinates == .cropAndResize ? (region[i], region[i + axes.count]) : (0, 1)
            return ResizePlan(self, from: shape[axis], to: goal[i].length, by: goal[i].factor, region: part)
        }
    }
}

/// How one axis is resized: for each new element which old ones make it, and their weights.
private struct ResizePlan {
    let length: Int
    let isIdentity: Bool
    /// Whether each new element is one old one.
    private let picks: [Int]?
    /// None where the element lies outside the region.
    private let taps: [[(index: Int, weight: Double)]]
    private let extrapolation: Double

    init(_ resize: Resize, from old: Int, to new: Int, by factor: Float, region: (Float, Float)) {
        length = new
        extrapolation = Double(resize.extrapolation)
        isIdentity = old == new && factor == 1 && resize.coordinates != .cropAndResize
        let places = (0..<new).map { Self.place($0, resize, old, new, factor, region) }
        let isInside = { (x: Float) in resize.coordinates != .cropAndResize || (x >= 0 && x <= Float(old - 1)) }
        if resize.mode == .nearest, places.allSatisfy(isInside) {
            picks = places.map { min(max(Self.nearest($0, resize.rounding), 0), old - 1) }
            taps = []
        } else {
            picks = nil
            taps = places.map { isInside($0) ? Self.taps(at: Double($0), resize, old, Double(factor)) : [] }
        }
    }

    func applied(to x: Tensor, axis: Int) -> Tensor {
        if let picks { return x.gathering(picks, axis: axis) }
        let (outer, old, inner) = x.split(at: axis)
        let values = x.doubles
        var shape = x.shape
        shape[axis] = length
        var result = [Double](repeating: 0, count: shape.product)
        for o in 0..<outer {
            for (k, taps) in taps.enumerated() {
                let row = (o * length + k) * inner
                if taps.isEmpty { for i in 0..<inner { result[row + i] = extrapolation } }
                for (index, weight) in taps {
                    let source = (o * old + index) * inner
                    for i in 0..<inner { result[row + i] += weight * values[source + i] }
                }
            }
        }
        return Tensor(result, shape: shape, dtype: x.dtype)
    }

    /// Where new element `i` lies among the old ones.
    private static func place(
        _ i: Int, _ resize: Resize, _ old: Int, _ new: Int, _ factor: Float, _ region: (Float, Float)
    ) -> Float {
        let x = Float(i)
        switch resize.coordinates {
        case .halfPixel: return (x + 0.5) / factor - 0.5
        case .halfPixelForNearest: return (x + 0.5) / factor
        case .pytorchHalfPixel: return new > 1 ? (x + 0.5) / factor - 0.5 : 0
        case .alignCorners: return new > 1 ? x * Float(old - 1) / Float(new - 1) : 0
        case .asymmetric: return x / factor
        case .halfPixelSymmetric:
            let adjustment = Float(new) / (factor * Float(old))
            return Float(old) / 2 * (1 - adjustment) + (x + 0.5) / factor - 0.5
        case .cropAndResize:
            let last = Float(old - 1)
            return new > 1
                ? region.0 * last + x * (region.1 - region.0) * last / Float(new - 1)
                : 0.5 * (region.0 + region.1) * last
        }
    }

    private static func nearest(_ x: Float, _ rounding: Resize.Rounding) -> Int {
        switch rounding {
        case .preferFloor: Int((x - 0.5).rounded(.up))
        case .preferCeiling: Int((x + 0.5).rounded(.down))
        case .floor: Int(x.rounded(.down))
        case .ceil: Int(x.rounded(.up))
        }
    }

    private static func taps(
        at x: Double, _ resize: Resize, _ length: Int, _ factor: Double
    ) -> [(index: Int, weight: Double)] {
        if resize.mode == .nearest {
            return [(min(max(nearest(Float(x), resize.rounding), 0), length - 1), 1)]
        }
        // Shrinking with antialiasing widens the window by the factor.
        let scale = resize.antialiases ? min(factor, 1) : 1
        let reach = Int(((resize.mode == .linear ? 1 : 2) / scale).rounded(.up))
        let base = Int(x.rounded(.down))
        var taps = ((base - reach)...(base + reach + 1)).map { index in
            let distance = abs(Double(index) - x) * scale
            let weight =
                resize.mode == .linear ? max(0, 1 - distance) : cubic(distance, Double(resize.cubicCoefficient))
            return (index: index, weight: weight)
        }
        taps.removeAll { $0.weight == 0 || (resize.excludesOutside && !(0..<length ~= $0.index)) }
        let total = taps.reduce(0) { $0 + $1.weight }
        return taps.map { (min(max($0.index, 0), length - 1), $0.weight / total) }
    }

    /// Keys, "Cubic convolution interpolation for digital image processing" (1981), equation 15 with parameter a.
    private static func cubic(_ x: Double, _ a: Double) -> Double {
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
}
