package import FerryEngine

/// The largest or smallest elements along an axis and their places.
///
/// Inputs: x, and how many where that is computed. Outputs: the elements, their int64 indices.
package struct TopK: Operator, Hashable {
    package static let kind = "TopK"
    /// How many, one number.
    package var count: Integers
    package var axis: Int
    package var largest: Bool

    /// The `count` first along `axis` in falling (`largest`) or rising order.
    package init(_ count: Integers, axis: Int, largest: Bool) {
        self.count = count
        self.axis = axis
        self.largest = largest
    }

    package var arity: ClosedRange<Int> { count.slot == nil ? 1...1 : 2...2 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        var type = inputs[0]
        let axis = try checkedAxis(axis, rank: type.rank)
        let length = count.expected?.first ?? .unknown
        if let k = length.length, let available = type.shape[axis].length, !(0...available ~= k) {
            throw FerryError(.range, found: "\(k) of \(available) elements", expected: "0 to \(available)")
        }
        type.shape[axis] = length
        return [type, type.with(dtype: .int64)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let axis = try checkedAxis(axis, rank: x.rank)
        guard let k = try count(inputs).first, 0...x.shape[axis] ~= k else {
            throw FerryError(
                .range, found: "more elements than axis \(axis) of \(x.shape) has", expected: "at most as many")
        }
        let (outer, length, inner) = x.split(at: axis)
        let picks = x.asNumbers().lines(axis).map { Array(order($0, x.dtype.numberType).prefix(k)) }
        var shape = x.shape
        shape[axis] = k
        let positions = (0..<(outer * k * inner)).map { i -> (line: Int, index: Int) in
            let line = i / (k * inner) * inner + i % inner
            return (line, picks[line][i / inner % k])
        }
        let sources = positions.map { line, index in (line / inner * length + index) * inner + line % inner }
        let values = x.reshaped([x.count]).rows(sources).reshaped(shape)
        return [Signal(values), Signal(Tensor(positions.map { Int64($0.index) }, shape: shape))]
    }

    /// Indices from the first to the last in order; of equal elements the one with the lower index first.
    private func order<N: Number>(_ line: Tensor, _: N.Type) -> [Int] {
        let values = line.elements(N.self)
        return values.indices.sorted { a, b in
            values[a] == values[b] ? a < b : largest ? values[a] > values[b] : values[a] < values[b]
        }
    }
}

/// A line of one value for off, with another at each index.
///
/// Inputs: indices, depth, [off, on].
package struct OneHot: Operator, Hashable {
    package static let kind = "OneHot"
    /// Where the new axis is in the output.
    package var axis: Int
    /// The length of the new axis.
    package var depth: Integers

    /// Puts the new axis at `axis`.
    package init(axis: Int, depth: Integers) {
        self.axis = axis
        self.depth = depth
    }

    package var arity: ClosedRange<Int> { depth.slot == nil ? 2...2 : 3...3 }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[1].shape.productDimension.isCompatible(with: .fixed(2)) else {
            throw FerryError(.shape, found: "values \(inputs[1].shape)", expected: "two of them, off and on")
        }
        var type = inputs[0].with(dtype: inputs[1].dtype)
        type.shape.insert(depth.expected?.first ?? .unknown, at: try checkedAxis(axis, rank: type.rank + 1))
        return [type]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (indices, values) = (inputs[0].tensor, inputs[1].tensor)
        guard let depth = try depth(inputs).first, depth > 0, values.count == 2 else {
            throw FerryError(
                .range, found: "an empty depth, or not two values", expected: "a positive depth and two values")
        }
        let axis = try checkedAxis(axis, rank: indices.rank + 1)
        _ = try checkedShape(indices.shape + [depth])
        let rows = indices.ints.flatMap { index -> [Int] in
            let place = index < 0 ? index + depth : index
            return (0..<depth).map { $0 == place ? 1 : 0 }
        }
        let last = values.reshaped([2]).rows(rows).reshaped(indices.shape + [depth])
        var order = Array(0..<indices.rank)
        order.insert(indices.rank, at: axis)
        return [Signal(last.transposed(order))]
    }
}

/// The places of the elements that are not zero, int64 [rank, how many].
package struct NonZero: Operator, Hashable {
    package static let kind = "NonZero"

    package init() {}

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        [ValueType(.int64, [.fixed(inputs[0].rank), .unknown])]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = inputs[0].tensor
        let flags: [Bool] = x.cast(to: .bool).elements()
        let places = flags.indices.filter { flags[$0] }
        let indices = zip(x.shape.rowMajorStrides, x.shape).flatMap { stride, length in
            places.map { Int64($0 / stride % length) }
        }
        return [Signal(Tensor(indices, shape: [x.rank, places.count]))]
    }
}
