public import FerryEngine

/// a·b / max(√(a·a ∘ b·b), 1e-7), where · is ``Dot`` along one axis of each input, with a new axis 1 (mode `cos` of the
/// `Merge` of Keras 1). Of two vectors it is the cosine of the angle between them, [batch, 1, 1].
public struct CosineMerge: Operator, Hashable {
    public static let kind = "CosineMerge"
    /// The least length that is divided by (`keras.backend.epsilon`).
    package static let epsilon: Float = 1e-7

    /// The axis of each input that is summed along, counted with the batch as axis 0; negative from the back.
    public var axes: [Int]

    /// Sums along `axes`, one for each input.
    public init(axes: (Int, Int)) { self.axes = [axes.0, axes.1] }

    public var arity: ClosedRange<Int> { 2...2 }

    /// The products of both inputs, of the first with itself and of the second with itself.
    package var product: Dot { Dot(axes: (axes[0], axes[1])) }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let type = try product.outputTypes(for: inputs)[0]
        let square = try product.outputTypes(for: Slots([inputs[0], inputs[0]]))[0]
        guard type.rank == square.rank else {
            throw FerryError(
                .shape, found: "inputs \(inputs[0].shape) and \(inputs[1].shape)", expected: "inputs of one shape")
        }
        return [type.with(shape: type.shape.prefix(1) + [.fixed(1)] + type.shape.dropFirst())]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        func product(_ a: Signal, _ b: Signal) throws -> Tensor {
            var none = LayerState()
            return try self.product.evaluate(Slots([a, b]), ParameterSet(), &none)[0].tensor
        }
        let squares = try product(inputs[0], inputs[0]) * product(inputs[1], inputs[1])
        let lengths = squares.map { (square: Float) in max(square.squareRoot(), Self.epsilon) }
        let cosine = try product(inputs[0], inputs[1]).combining(lengths) { (a: Float, b: Float) in a / b }
        return [Signal(cosine.reshaped([cosine.shape[0], 1] + cosine.shape.dropFirst()))]
    }
}
