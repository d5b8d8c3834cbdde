package import FerryEngine

/// Compares two inputs of one type element by element, with NumPy's broadcasting; gives booleans.
package struct Comparison: Operator, Hashable {
    package static let kind = "Comparison"

    /// The relation.
    package enum Relation: String, Sendable, CaseIterable {
        case equal, notEqual, greater, greaterOrEqual, less, lessOrEqual
    }

    /// The relation.
    package var relation: Relation

    /// Compares by `relation`.
    package init(_ relation: Relation) { self.relation = relation }

    package var arity: ClosedRange<Int> { 2...2 }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        try requireOneType(inputs.present)
        return [ValueType(.bool, try broadcastDimensions(inputs[0].shape, inputs[1].shape))]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (a, b) = (inputs[0].tensor.asNumbers(), inputs[1].tensor.asNumbers())
        return [Signal(try compared(a, b, a.dtype.numberType))]
    }

    private func compared<N: Number>(_ a: Tensor, _ b: Tensor, _: N.Type) throws -> Tensor {
        try a.combining(b) { (x: N, y: N) in
            switch relation {
            case .equal: x == y
            case .notEqual: x != y
            case .greater: x > y
            case .greaterOrEqual: x >= y
            case .less: x < y
            case .lessOrEqual: x <= y
            }
        }
    }
}

/// Combines booleans element by element, with NumPy's broadcasting.
package struct Logic: Operator, Hashable {
    package static let kind = "Logic"

    /// A function of booleans.
    package enum Function: String, Sendable, CaseIterable { case and, or, exclusiveOr, not }

    /// The function.
    package var function: Function

    /// Combines by `function`.
    package init(_ function: Function) { self.function = function }

    package var arity: ClosedRange<Int> { function == .not ? 1...1 : 2...2 }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        if let other = inputs.present.first(where: { $0.dtype != .bool }) {
            throw FerryError.unfit(other.dtype, expected: "booleans")
        }
        return [
            inputs[0].with(
                shape: try inputs.present.dropFirst().reduce(inputs[0].shape) { try broadcastDimensions($0, $1.shape) })
        ]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let a = inputs[0].tensor
        guard let b = inputs[optional: 1]?.tensor else { return [Signal(a.map { (x: Bool) in !x })] }
        let result = try a.combining(b) { (x: Bool, y: Bool) in
            switch function {
            case .and: x && y
            case .or: x || y
            case .exclusiveOr, .not: x != y
            }
        }
        return [Signal(result)]
    }
}

/// Takes each element from one of two inputs, as a condition says; all three broadcast.
///
/// Inputs: condition, yes, no.
package struct Choice: Operator, Hashable {
    package static let kind = "Choice"

    package init() {}

    package var arity: ClosedRange<Int> { 3...3 }
    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].dtype == .bool else {
            throw FerryError.unfit(inputs[0].dtype, expected: "a condition of booleans")
        }
        try requireOneType([inputs[1], inputs[2]])
        let shape = try broadcastDimensions(broadcastDimensions(inputs[0].shape, inputs[1].shape), inputs[2].shape)
        return [inputs[1].with(shape: shape)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let (yes, no) = (inputs[1].tensor, inputs[2].tensor)
        let pair = broadcastShape(yes.shape, no.shape) ?? yes.shape
        let shape = broadcastShape(inputs[0].tensor.shape, pair) ?? pair
        let condition: [Bool] = inputs[0].tensor.broadcast(to: shape).elements()
        return [Signal(choose(condition, yes.broadcast(to: shape), no.broadcast(to: shape), yes.dtype.elementType))]
    }

    private func choose<Element: TensorElement>(
        _ condition: [Bool], _ yes: Tensor, _ no: Tensor, _: Element.Type
    ) -> Tensor {
        yes.withUnsafeElements { (a: UnsafeBufferPointer<Element>) in
            no.withUnsafeElements { (b: UnsafeBufferPointer<Element>) in
                Tensor(shape: yes.shape, of: Element.self) { target in
                    for i in target.indices { target[i] = condition[i] ? a[i] : b[i] }
                }
            }
        }
    }
}

/// Says of each number whether it is not a number, or whether it is infinite.
package struct Classification: Operator, Hashable {
    package static let kind = "Classification"

    /// What is asked.
    package enum Question: Sendable, Hashable {
        case isNotANumber
        case isInfinite(negative: Bool, positive: Bool)
    }

    /// What is asked.
    package var question: Question

    /// Asks `question`.
    package init(_ question: Question) { self.question = question }

    package var timeLocality: TimeLocality { .perStep }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs[0].dtype.isFloat else {
            throw FerryError.unfit(inputs[0].dtype, expected: "floating-point numbers")
        }
        return [inputs[0].with(dtype: .bool)]
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let answers = inputs[0].tensor.cast(to: .float64).map { (x: Double) in
            switch question {
            case .isNotANumber: x.isNaN
            case .isInfinite(let negative, let positive): x.isInfinite && (x < 0 ? negative : positive)
            }
        }
        return [Signal(answers)]
    }
}
