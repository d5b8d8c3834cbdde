public import FerryEngine

/// How far predictions are from targets, and the gradient of that; the meanings are those of `keras.losses`.
///
/// A loss gives one value for each sample, or for each step of each sample; ``LossReduction`` makes one number of them.
public protocol Loss: Sendable {
    /// The name of the class in Keras, unique in ``LossCatalogue``.
    static var kind: String { get }

    /// The target as the loss takes it.
    ///
    /// - Throws: ``FerryError/Code/shape`` or ``FerryError/Code/range`` where it does not fit the prediction.
    func fitted(_ target: Tensor, to prediction: Tensor) throws -> Tensor

    /// One value for each line of the prediction along its last axis, [batch, …].
    ///
    /// - Parameter target: as ``fitted(_:to:)`` gives it.
    func values(_ prediction: Tensor, _ target: Tensor) throws -> Tensor

    /// Σ weight · ∂value/∂prediction, of the prediction's shape.
    ///
    /// - Parameter weights: one for each value.
    func gradient(_ prediction: Tensor, _ target: Tensor, weights: Tensor) throws -> Tensor

    /// The activations that this loss had rather not see behind the last layer: it takes what goes into them, as Keras's
    /// cross-entropies do with softmax and sigmoid, whichever of the two it is.
    var splitActivations: [ActivationFunction] { get }

    /// The loss for what goes into one of ``splitActivations``.
    var beforeActivation: any Loss { get }

    /// What the sentence of a target that does not fit says was expected.
    static var targetDescription: String { get }
}

extension Loss {
    public var splitActivations: [ActivationFunction] { [] }
    public var beforeActivation: any Loss { self }
    public static var targetDescription: String { "numbers of the prediction's shape" }

    /// The name of the class in Keras.
    public var kind: String { Self.kind }

    public func fitted(_ target: Tensor, to prediction: Tensor) throws -> Tensor {
        let target = target.cast(to: .float32)
        if target.shape == prediction.shape { return target }
        if target.shape + [1] == prediction.shape { return target.reshaped(prediction.shape) }
        if target.shape == prediction.shape + [1] { return target.reshaped(prediction.shape) }
        throw FerryError(
            .shape, found: "targets of shape \(target.shape) for predictions of shape \(prediction.shape)",
            expected: "\(Self.kind) takes \(Self.targetDescription)", remedy: remedy(target, prediction))
    }

    private func remedy(_ target: Tensor, _ prediction: Tensor) -> String {
        if let samples = prediction.shape.first, let given = target.shape.first, samples != given {
            return "give one target for each sample"
        }
        if prediction.rank == target.rank + 1, prediction.rank == 3 {
            return
                "the last recurrent layer returns sequences; return only its last step, or give a target for each step"
        }
        if prediction.rank + 1 == target.rank {
            return "the model predicts one step; let the last recurrent layer return sequences, or keep the last target"
        }
        return "make the last layer's units and the targets' last axis equal"
    }
}

/// A loss that is the mean of a function of each element and its target.
protocol ElementLoss: Loss {
    /// The function of prediction p and target t.
    func value(_ p: Float, _ t: Float) -> Float
    /// Its derivative with respect to p.
    func slope(_ p: Float, _ t: Float) -> Float
}

extension ElementLoss {
    public func values(_ prediction: Tensor, _ target: Tensor) throws -> Tensor {
        prediction.valuesOfLines(target) { p, t in
            p.indices.reduce(Float(0)) { $0 + value(p[$1], t[$1]) } / Float(p.count)
        }
    }

    public func gradient(_ prediction: Tensor, _ target: Tensor, weights: Tensor) throws -> Tensor {
        prediction.gradientOfLines(target, weights) { p, t, weight, gradient in
            let share = weight / Float(p.count)
            for i in p.indices { gradient[i] = share * slope(p[i], t[i]) }
        }
    }
}

/// A loss of whole lines along the last axis.
protocol LineLoss: Loss {
    /// The value of a line p with targets t.
    func value(_ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>) -> Float
    /// Writes its gradient with respect to p, times `weight`.
    func gradient(
        _ p: UnsafeBufferPointer<Float>, _ t: UnsafeBufferPointer<Float>, _ weight: Float,
        into gradient: UnsafeMutableBufferPointer<Float>)
}

extension LineLoss {
    public func values(_ prediction: Tensor, _ target: Tensor) throws -> Tensor {
        prediction.valuesOfLines(target, value)
    }

    public func gradient(_ prediction: Tensor, _ target: Tensor, weights: Tensor) throws -> Tensor {
        prediction.gradientOfLines(target, weights) { gradient($0, $1, $2, into: $3) }
    }
}

extension Tensor {
    /// `body` of each line along the last axis and as long a line of `target`; lines of a vector are its elements.
    func valuesOfLines(
        _ target: Tensor, _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>) -> Float
    ) -> Tensor {
        let length = rank > 1 ? shape[rank - 1] : 1
        let width = count == 0 ? 0 : target.count / (count / length)
        return withUnsafeElements { (p: UnsafeBufferPointer<Float>) in
            target.withUnsafeElements { (t: UnsafeBufferPointer<Float>) in
                Tensor(shape: rank > 1 ? Array(shape.dropLast()) : shape, of: Float.self) { values in
                    for i in values.indices {
                        values[i] = body(p.slice(i, length), t.slice(i, width))
                    }
                }
            }
        }
    }

    /// What `body` writes for each line along the last axis, its target and its weight.
    func gradientOfLines(
        _ target: Tensor, _ weights: Tensor,
        _ body: (UnsafeBufferPointer<Float>, UnsafeBufferPointer<Float>, Float, UnsafeMutableBufferPointer<Float>) ->
            Void
    ) -> Tensor {
        let length = rank > 1 ? shape[rank - 1] : 1
        let width = count == 0 ? 0 : target.count / (count / length)
        return withUnsafeElements { (p: UnsafeBufferPointer<Float>) in
            target.withUnsafeElements { (t: UnsafeBufferPointer<Float>) in
                weights.withUnsafeElements { (weights: UnsafeBufferPointer<Float>) in
                    Tensor(shape: shape, of: Float.self) { gradient in
                        for i in weights.indices {
                            let line = UnsafeMutableBufferPointer(
                                rebasing: gradient[(i * length)..<((i + 1) * length)])
                            body(p.slice(i, length), t.slice(i, width), weights[i], line)
                        }
                    }
                }
            }
        }
    }
}

extension UnsafeBufferPointer<Float> {
    fileprivate func slice(_ index: Int, _ length: Int) -> UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(rebasing: self[(index * length)..<((index + 1) * length)])
    }
}
