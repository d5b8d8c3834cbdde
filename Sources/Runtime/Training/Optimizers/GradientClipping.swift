import FerryEngine

extension OptimizerSettings {
    /// The gradients of one step, made shorter as the settings ask for (Keras `BaseOptimizer._clip_gradients`).
    func clipped(_ gradients: Gradients) -> Gradients {
        if let limit = clipNorm, limit > 0 {
            return gradients.mapEach { parts in parts.scaled(toLength: limit, of: parts.squaredLength.squareRoot()) }
        }
        if let limit = globalClipNorm, limit > 0 {
            let length = gradients.parts.reduce(0) { $0 + $1.squaredLength }.squareRoot()
            var clipped = gradients.mapEach { $0.scaled(toLength: limit, of: length) }
            // Here Keras multiplies the parts by a tensor, which sums them.
            clipped.lookups = [:]
            return clipped
        }
        if let limit = clipValue, limit > 0 {
            let bound = Float(limit)
            return gradients.mapEach { $0.map { (g: Float) in min(max(g, -bound), bound) } }
        }
        return gradients
    }
}

extension Gradients {
    /// Each parameter's gradient, or the parts that it is made of.
    fileprivate var parts: [Tensor] {
        parameters.names.compactMap { lookups[$0]?.parts ?? parameters[$0] }
    }

    /// The gradients with `transform` applied to each, or to the parts that it is made of.
    fileprivate func mapEach(_ transform: (Tensor) -> Tensor) -> Gradients {
        var result = self
        for name in parameters.names {
            guard let gradient = parameters[name] else { continue }
            result.lookups[name] = lookups[name]?.mapParts(transform)
            result.parameters[name] = result.lookups[name]?.summed(gradient.shape) ?? transform(gradient)
        }
        return result
    }
}

extension Tensor {
    /// The sum of squares of the elements.
    fileprivate var squaredLength: Double {
        withUnsafeElements { (x: UnsafeBufferPointer<Float>) in x.reduce(0) { $0 + Double($1) * Double($1) } }
    }

    /// This tensor, made shorter where `length` is beyond `limit`.
    fileprivate func scaled(toLength limit: Double, of length: Double) -> Tensor {
        length > limit ? scaled(by: Float(limit / length)) : length.isNaN ? scaled(by: .nan) : self
    }
}
