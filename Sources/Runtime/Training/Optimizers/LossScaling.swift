import FerryEngine
import OrderedCollections

/// The factor that keeps gradients of half precision from vanishing (Keras `LossScaleOptimizer`).
///
/// Ferry computes gradients in float32 and need not multiply them; what is left is when an update is skipped, and how the
/// factor goes on, which a file keeps.
public struct LossScaling: Sendable, Equatable {
    /// What the loss is multiplied with at first.
    public var initialScale: Double
    /// After how many updates without an overflow the factor is doubled.
    public var growthSteps: Int

    /// Keras's defaults.
    public init(initialScale: Double = 32768, growthSteps: Int = 2000) {
        self.initialScale = initialScale
        self.growthSteps = growthSteps
    }

    func complete(_ state: inout OptimizerState) {
        state.scalars[Self.counter] = state.scalars[Self.counter] ?? 0
        state.scalars[Self.factor] = state.scalars[Self.factor] ?? Float(initialScale)
    }

    /// Whether gradients times the factor are finite, so that there is an update; moves the factor.
    func accepts(_ gradients: ParameterSet, _ state: inout OptimizerState) -> Bool {
        let factor = state.scalars[Self.factor] ?? Float(initialScale)
        let updates = state.scalars[Self.counter] ?? 0
        let isFinite = gradients.names.allSatisfy { name in
            gradients[name]?.withUnsafeElements { (g: UnsafeBufferPointer<Float>) in
                g.allSatisfy { ($0 * factor).isFinite }
            } ?? true
        }
        let grows = isFinite && Int(updates) == growthSteps - 1
        state.scalars[Self.counter] = isFinite && !grows ? updates + 1 : 0
        if grows { state.scalars[Self.factor] = factor * 2 }
        if !isFinite { state.scalars[Self.factor] = factor / 2 }
        return isFinite
    }

    private static let counter = "step_counter"
    private static let factor = "dynamic_scale"
}
