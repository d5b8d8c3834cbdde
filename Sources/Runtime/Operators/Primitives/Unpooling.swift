package import FerryEngine

/// Pooling to the largest element that also says where it lies (ONNX `MaxPool` with indices).
///
/// Outputs: the largest elements; their places in the whole input, int64.
package struct IndexedPooling: TensorFunction, Hashable {
    package static let kind = "IndexedPooling"
    package var window: Window
    /// Whether places count along the last axis but one first, for two axes.
    package var isColumnMajor: Bool

    package init(window: Window, isColumnMajor: Bool) {
        self.window = window
        self.isColumnMajor = isColumnMajor
    }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let type = try Pooling(.maximum, window: window).outputTypes(for: inputs)[0]
        return [type, type.with(dtype: .int64)]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        let input = Array(x.shape.dropFirst(2))
        let lengths = try window.outputLengths(input)
        let (planes, size, count) = (x.shape[0] * x.shape[1], input.product, lengths.product)
        _ = try checkedShape([planes] + lengths)
        let values = x.doubles
        var best = [Int](repeating: -1, count: planes * count)
        for plane in 0..<planes {
            window.forEachTap(input, lengths) { position, _, offset in
                let (place, source) = (plane * count + position, plane * size + offset)
                if best[place] < 0 || values[source] > values[best[place]] { best[place] = source }
            }
        }
        guard !best.contains(-1) else {
            throw FerryError(.range, found: "a window in the padding", expected: "windows that see the input")
        }
        let shape = Array(x.shape.prefix(2) + lengths)
        let places = best.map { Int64(isColumnMajor ? columnMajor($0, input) : $0) }
        return [x.reshaped([x.count]).rows(best).reshaped(shape), Tensor(places, shape: shape)]
    }

    private func columnMajor(_ place: Int, _ input: [Int]) -> Int {
        let (plane, offset) = place.quotientAndRemainder(dividingBy: input.product)
        let position = zip(input.rowMajorStrides, input).map { offset / $0 % $1 }
        return plane * input.product + zip(position, input).reversed().reduce(0) { $0 * $1.1 + $1.0 }
    }
}

/// Puts elements back where pooling found them, among zeros (ONNX `MaxUnpool`).
///
/// Inputs: x, the places in the whole output, then where it is computed the shape of the output.
package struct Unpooling: TensorFunction, Hashable {
    package static let kind = "Unpooling"
    package var window: Window
    /// The shape of the output; nil follows from the window.
    package var shape: Integers?

    package init(window: Window, shape: Integers?) {
        self.window = window
        self.shape = shape
    }

    package var arity: ClosedRange<Int> { shape?.slot == nil ? 2...2 : 3...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try window.validate()
        let x = inputs[0]
        guard x.rank == window.lengths.count + 2 else {
            throw FerryError(.shape, found: "input \(x)", expected: "[batch, channels] and the window's axes")
        }
        if let shape { return [x.with(shape: shape.expected ?? x.shape.map { _ in .unknown })] }
        let axes = x.shape.dropFirst(2).enumerated().map { axis, length in
            length.length.map { Dimension.fixed(self.length(axis, $0)) } ?? .unknown
        }
        return [x.with(shape: x.shape.prefix(2) + axes)]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let x = inputs[0]
        let natural = x.shape.prefix(2) + x.shape.dropFirst(2).enumerated().map { length($0, $1) }
        let result = try checkedShape(
            shape.map { $0.slot.map { inputs[$0].ints } ?? $0.values ?? [] } ?? Array(natural))
        // Places count in the natural shape, so a larger output has each plane's elements at its start corner.
        let places = try inputs[1].ints.map { try checkedIndex($0, length: natural.reduce(1, *)) }
        guard places.count == x.count, result.count == natural.count, zip(result, natural).allSatisfy({ $0 >= $1 })
        else {
            throw FerryError(
                .shape, found: "places \(inputs[1].shape), output \(result)", expected: "no less than \(natural)")
        }
        let (from, to) = (Array(natural).rowMajorStrides, result.rowMajorStrides)
        let targets = places.map { place in
            from.indices.reduce(0) { $0 + place / from[$1] % natural[natural.startIndex + $1] * to[$1] }
        }
        return [Tensor(zeros: result, dtype: x.dtype).scattering(x, at: targets, width: 1, .none)]
    }

    private func length(_ axis: Int, _ input: Int) -> Int {
        (input - 1) * window.strides[axis] + window.lengths[axis] - window.pads[axis]
            - window.pads[axis + window.lengths.count]
    }
}
