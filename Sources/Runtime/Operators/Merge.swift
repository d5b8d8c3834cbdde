public import FerryEngine

/// How the masks of several inputs become the mask of one output.
public enum MaskMerge: Sendable, Hashable {
    /// A step counts where it counts in every input that has a mask (Keras 1 and 2).
    case all
    /// A step counts where it counts in any input; an input without a mask removes it (Keras 3).
    case any
}

/// Combines inputs element by element. Inputs of lower rank gain axes of length 1 behind the batch; then NumPy's
/// broadcasting applies.
public struct Merge: Operator, Hashable {
    public static let kind = "Merge"

    /// How elements are combined.
    public enum Function: String, Sendable, CaseIterable {
        case add = "Add"
        case subtract = "Subtract"
        case multiply = "Multiply"
        case average = "Average"
        case maximum = "Maximum"
        case minimum = "Minimum"
    }

    /// How elements are combined.
    public var function: Function
    /// How masks are combined.
    public var maskMerge = MaskMerge.any

    /// Combines by `function`.
    public init(_ function: Function) { self.function = function }

    public var arity: ClosedRange<Int> { function == .subtract ? 2...2 : 1...Int.max }
    public func carriesMask(inputs: [Bool]) -> Bool {
        maskMerge == .all ? inputs.contains(true) : inputs.allSatisfy { $0 }
    }
    public var timeLocality: TimeLocality { .perStep }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let shapes = inputs.present.map { aligned($0.shape, rank: rank(inputs.present.map(\.rank)), one: .fixed(1)) }
        let merged = try shapes.dropFirst().reduce(shapes[0]) { a, b in
            try zip(a, b).map { x, y in
                if x == .fixed(1) { return y }
                if y == .fixed(1) || x == y || y.length == nil { return x }
                guard x.length == nil else {
                    throw FerryError(
                        .shape, found: "inputs \(inputs.present.map(\.shape))", expected: "shapes that broadcast")
                }
                return y
            }
        }
        return [ValueType(.float32, merged)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let rank = rank(inputs.present.map(\.tensor.rank))
        let tensors = inputs.present.map { signal in
            let x = signal.tensor.cast(to: .float32)
            return x.reshaped(aligned(x.shape, rank: rank, one: 1))
        }
        let masks = inputs.present.map(\.mask)
        let mask = try mergedMask(masks)
        if maskMerge == .any, let skipping = try skippingHidden(tensors, masks, mask) {
            return [Signal(skipping, mask: mask)]
        }
        var result = try tensors.dropFirst().reduce(tensors[0]) { try $0.combining($1, combine) }
        if function == .average { result = result * Tensor(scalar: 1 / Float(tensors.count)) }
        return [Signal(result, mask: mask)]
    }

    /// What Keras 3 makes of masked inputs where the function has no element that changes nothing: a step that is hidden
    /// in one input is taken from the others (`Maximum`, `Minimum`, `Multiply`); nil for other functions.
    private func skippingHidden(_ tensors: [Tensor], _ masks: [Tensor?], _ merged: Tensor?) throws -> Tensor? {
        guard masks.contains(where: { $0 != nil }) else { return nil }
        switch function {
        case .multiply:
            let visible = try zip(tensors, masks).map { x, mask in
                try mask.map { try x.visible($0, otherwise: Tensor(scalar: Float(1))) } ?? x
            }
            let product = try visible.dropFirst().reduce(visible[0]) { try $0.combining($1, combine) }
            return try merged.map { try product.visible($0, otherwise: Tensor(scalar: Float(0))) } ?? product
        case .maximum, .minimum:
            var (result, visible) = (tensors[0], masks[0])
            for (x, mask) in zip(tensors, masks).dropFirst() {
                let x = try mask.map { try x.visible($0, otherwise: result) } ?? x
                result = try visible.map { try result.visible($0, otherwise: x) } ?? result
                result = try result.combining(x, combine)
                visible = try mask.flatMap { mask in try visible.flatMap { try mergedMask([$0, mask]) } }
            }
            return result
        case .add, .subtract, .average: return nil
        }
    }

    private func combine(_ a: Float, _ b: Float) -> Float {
        switch function {
        case .add, .average: a + b
        case .subtract: a - b
        case .multiply: a * b
        case .maximum: max(a, b)
        case .minimum: min(a, b)
        }
    }

    private func rank(_ ranks: [Int]) -> Int { ranks.max() ?? 0 }

    private func aligned<Length>(_ shape: [Length], rank: Int, one: Length) -> [Length] {
        shape.prefix(1) + [Length](repeating: one, count: rank - shape.count) + shape.dropFirst()
    }

    private func mergedMask(_ masks: [Tensor?]) throws -> Tensor? {
        let present = masks.compactMap { $0 }
        guard let first = present.first, maskMerge == .all || present.count == masks.count else { return nil }
        return try present.dropFirst().reduce(first) { merged, mask in
            try merged.combining(mask) { (a: Bool, b: Bool) in maskMerge == .all ? a && b : a || b }
        }
    }
}

extension Tensor {
    /// The steps of this tensor [batch, time, …] that `mask`, bool [batch, time], shows, and those of `other` elsewhere.
    fileprivate func visible(_ mask: Tensor, otherwise other: Tensor) throws -> Tensor {
        guard mask.rank <= rank, Array(shape.prefix(mask.rank)) == mask.shape else {
            throw FerryError(.shape, found: "a mask \(mask.shape) for \(shape)", expected: "one for each time step")
        }
        let rows = mask.count
        let width = rows == 0 ? 0 : count / rows
        let hidden = other.broadcast(to: shape).reshaped([rows, width])
        return reshaped([rows, width]).selectingRows(mask.reshaped([rows]), otherwise: hidden).reshaped(shape)
    }
}

/// Lays inputs one after another along an axis.
public struct Concatenate: Operator, Hashable {
    public static let kind = "Concatenate"
    /// The axis, counted with the batch as axis 0; negative from the back.
    public var axis: Int
    /// How masks are combined.
    public var maskMerge = MaskMerge.any

    /// Keras's default is the last axis.
    public init(axis: Int = -1) { self.axis = axis }

    public var arity: ClosedRange<Int> { 1...Int.max }
    public func carriesMask(inputs: [Bool]) -> Bool { inputs.contains(true) }
    public var timeLocality: TimeLocality { axis < 0 || axis > 1 ? .perStep : .wholeSequence }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let types = inputs.present
        guard let axis = resolvedAxis(axis, rank: types[0].rank),
            types.allSatisfy({ fits($0.shape, types[0].shape, except: axis) })
        else {
            throw FerryError(
                .shape, found: "inputs \(types.map(\.shape))", expected: "shapes that differ along axis \(axis) only")
        }
        let lengths = types.map { $0.shape[axis].length }
        var result = types[0]
        result.shape[axis] = lengths.contains(nil) ? .unknown : .fixed(lengths.compactMap { $0 }.reduce(0, +))
        return [result]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let tensors = inputs.present.map(\.tensor)
        let dtype = tensors.allSatisfy { $0.dtype == tensors[0].dtype } ? tensors[0].dtype : .float32
        let axis = resolvedAxis(axis, rank: tensors[0].rank) ?? 0
        let joined = Tensor.concatenated(tensors.map { $0.cast(to: dtype) }, axis: axis)
        return [Signal(joined, mask: mergedMask(inputs.present, axis: axis))]
    }

    private func fits(_ a: [Dimension], _ b: [Dimension], except axis: Int) -> Bool {
        a.count == b.count && a.indices.allSatisfy { $0 == axis || a[$0].isCompatible(with: b[$0]) }
    }

    /// Keras's rule (`Concatenate.compute_mask`): masks are stretched over the features, joined like the inputs, and
    /// then reduced along the last axis.
    private func mergedMask(_ signals: [Signal], axis: Int) -> Tensor? {
        guard signals.contains(where: { $0.mask != nil }) else { return nil }
        let parts = signals.map { signal in
            let shape = signal.tensor.shape
            guard let mask = signal.mask else {
                return Tensor([Bool](repeating: true, count: shape.product), shape: shape)
            }
            return mask.rank < shape.count ? mask.reshaped(mask.shape + [1]).broadcast(to: shape) : mask
        }
        let joined = Tensor.concatenated(parts, axis: axis)
        let width = joined.shape[joined.rank - 1]
        let flags: [Bool] = joined.elements()
        let steps = joined.shape.dropLast().reduce(1, *)
        let reduced = (0..<steps).map { step in
            let line = flags[(step * width)..<((step + 1) * width)]
            return maskMerge == .all ? line.allSatisfy { $0 } : line.contains(true)
        }
        return Tensor(reduced, shape: Array(joined.shape.dropLast()))
    }
}
