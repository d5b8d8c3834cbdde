public import FerryEngine

/// An activation applied in training: its value, and what its slope needs.
public struct ActivationTape {
    private let function: ActivationFunction
    /// The value.
    let y: Tensor
    /// The argument, where the slope needs it.
    private let x: Tensor?

    /// Applies `function` to x, float32.
    init(_ function: ActivationFunction, _ x: Tensor) throws {
        self.function = function
        y = try function(x)
        self.x = KernelActivation(function).map(\.slopeNeedsInput) == true ? x : nil
    }

    /// dL/dx from dL/dy.
    func backward(_ dy: Tensor) throws -> Tensor {
        if function == .linear { return dy }
        guard let axis = function.axis else { return elementwise(dy) }
        guard let axis = resolvedAxis(axis, rank: y.rank) else { return dy }
        switch function {
        case .softmax:
            return lines(dy, axis) { dy, y in
                let dot = zip(dy, y).reduce(Float(0)) { $0 + $1.0 * $1.1 }
                for i in dy.indices { dy[i] = y[i] * (dy[i] - dot) }
            }
        case .logSoftmax:
            return lines(dy, axis) { dy, y in
                let sum = dy.reduce(0, +)
                for i in dy.indices { dy[i] -= ActivationFunction.exponential.scalar(y[i]) * sum }
            }
        default:
            throw FerryError(.untrainable, found: "the activation \(function)", expected: "one with a gradient")
        }
    }

    private func elementwise(_ dy: Tensor) -> Tensor {
        guard let form = KernelActivation(function) else { return dy }
        var result = dy
        result.withUnsafeMutableElements { (dx: UnsafeMutableBufferPointer<Float>) in
            y.withUnsafeElements { (y: UnsafeBufferPointer<Float>) in
                guard let target = dx.baseAddress, let y = y.baseAddress else { return }
                func apply(_ x: UnsafePointer<Float>?) {
                    Kernels.best.applyBackward(form, x: x, y: y, dy: target, into: target, count: dx.count)
                }
                guard let x else { return apply(nil) }
                x.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in apply(x.baseAddress) }
            }
        }
        return result
    }

    private func lines(
        _ dy: Tensor, _ axis: Int, _ body: (UnsafeMutableBufferPointer<Float>, [Float]) -> Void
    ) -> Tensor {
        let (_, length, inner) = y.split(at: axis)
        let values: [Float] = y.elements()
        var line = 0
        return dy.mapLines(axis: axis) { dy in
            let start = line / inner * length * inner + line % inner
            body(dy, (0..<length).map { values[start + $0 * inner] })
            line += 1
        }
    }
}

extension Activation: TrainableOperator {
    public var untrainableReason: String? { function.trainableReason }

    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: ActivationTape) {
        let tape = try ActivationTape(function, inputs[0].tensor.cast(to: .float32))
        return ([Signal(tape.y, mask: inputs[0].mask)], tape)
    }

    public func backward(
        _ outputs: [Tensor?], _ cache: ActivationTape, _ parameters: ParameterSet
    ) throws -> Gradients {
        Gradients(inputs: [try outputs[0].map(cache.backward)])
    }
}

extension PReLU: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: Tensor) {
        (try plain(inputs, parameters), inputs[0].tensor.cast(to: .float32))
    }

    public func backward(_ outputs: [Tensor?], _ cache: Tensor, _ parameters: ParameterSet) throws -> Gradients {
        guard let dy = outputs[0] else { return Gradients(inputs: [nil]) }
        let alpha = try parameters.required("alpha")
        let negative = cache.map { (x: Float) in min(x, 0) }
        let slopes = try cache.combining(alpha) { (x: Float, a: Float) in x > 0 ? 1 : a }
        return Gradients(
            inputs: [dy * slopes],
            parameters: ["alpha": (dy * negative).summed(to: [1] + alpha.shape).reshaped(alpha.shape)])
    }
}

extension ActivationFunction {
    /// Why a layer cannot be trained with this function; nil where it can.
    var trainableReason: String? {
        if case .sparsemax = self { return "the activation sparsemax" }
        return nil
    }
}
