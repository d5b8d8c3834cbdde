package import FerryEngine

/// An operator whose outputs are a function of its input tensors alone: no mask, no parameters, no state.
package protocol TensorFunction: Operator {
    /// The outputs for inputs that have passed ``Operator/outputTypes(for:)``.
    func compute(_ inputs: Slots<Tensor>) throws -> [Tensor]
}

extension TensorFunction {
    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        try compute(inputs.map(\.tensor)).map { Signal($0) }
    }
}

extension Tensor {
    /// The elements converted to float64, in row-major order.
    var doubles: [Double] { cast(to: .float64).elements() }

    /// A tensor of `dtype` whose elements are `values`, rounded.
    init(_ values: [Double], shape: [Int], dtype: DType) { self = Tensor(values, shape: shape).cast(to: dtype) }

    /// The one element of a scalar that decides a shape or a setting.
    ///
    /// - Throws: ``FerryError/Code/shape`` where there is another number of elements.
    func scalarInt(_ meaning: String) throws -> Int {
        guard count == 1 else { throw FerryError(.shape, found: "\(meaning) of shape \(shape)", expected: "a scalar") }
        return ints[0]
    }

    /// The one element of a scalar.
    ///
    /// - Throws: ``FerryError/Code/shape`` where there is another number of elements.
    func scalarDouble(_ meaning: String) throws -> Double {
        guard count == 1 else { throw FerryError(.shape, found: "\(meaning) of shape \(shape)", expected: "a scalar") }
        return doubles[0]
    }
}
