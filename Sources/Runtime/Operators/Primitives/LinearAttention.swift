package import FerryEngine

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Attention with a state instead of scores: S ← decay · S + k ⊗ v, y = scale · qᵀS (ONNX `LinearAttention`).
///
/// Inputs: queries, keys, values [batch, time, heads · size]; optionally the state [batch, heads, key size, value size],
/// the decay in logarithms, the update rates. Outputs: y [batch, time, heads · value size] and the state.
package struct LinearAttention: TensorFunction, Hashable {
    package static let kind = "LinearAttention"

    /// How the state changes: whether it decays, and whether what it already says of a key is taken off.
    package enum Rule: String, Sendable, CaseIterable {
        case linear, gated, delta
        case gatedDelta = "gated_delta"
    }

    package var rule: Rule
    package var queryHeads: Int
    package var keyHeads: Int
    /// The factor of the output; 0 means 1/√(key size).
    package var scale: Float

    package init(_ rule: Rule, queryHeads: Int, keyHeads: Int, scale: Float) {
        self.rule = rule
        self.queryHeads = queryHeads
        self.keyHeads = keyHeads
        self.scale = scale
    }

    package var arity: ClosedRange<Int> { 3...6 }
    private var decays: Bool { rule == .gated || rule == .gatedDelta }
    private var corrects: Bool { rule == .delta || rule == .gatedDelta }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let shapes = inputs.prefix(3).present.map(\.shape)
        guard shapes.allSatisfy({ $0.count == 3 }), let widths = shapes.map({ $0[2] }).lengths,
            queryHeads > 0, keyHeads > 0, queryHeads % keyHeads == 0,
            widths[0] % queryHeads == 0, widths[1] % keyHeads == 0, widths[2] % keyHeads == 0,
            !decays || inputs[optional: 4] != nil, !corrects || inputs[optional: 5] != nil
        else {
            throw FerryError(
                .shape, found: "inputs \(shapes) with \(queryHeads) and \(keyHeads) heads",
                expected: "[batch, time, heads · size] of fixed sizes, and what rule '\(rule.rawValue)' needs")
        }
        let (keySize, valueSize) = (widths[1] / keyHeads, widths[2] / keyHeads)
        return [
            inputs[0].with(shape: [shapes[0][0], shapes[0][1], .fixed(queryHeads * valueSize)]),
            (inputs[optional: 3] ?? inputs[0])
                .with(shape: [shapes[0][0], .fixed(keyHeads), .fixed(keySize), .fixed(valueSize)]),
        ]
    }

    package func compute(_ inputs: Slots<Tensor>) throws -> [Tensor] {
        let (batch, steps) = (inputs[0].shape[0], inputs[0].shape[1])
        let (n, m) = (inputs[1].shape[2] / keyHeads, inputs[2].shape[2] / keyHeads)
        let (q, k, v) = (inputs[0].doubles, inputs[1].doubles, inputs[2].doubles)
        var state = inputs[optional: 3]?.doubles ?? [Double](repeating: 0, count: batch * keyHeads * n * m)
        let (decay, rate) = (inputs[optional: 4], inputs[optional: 5])
        let (decays, rates) = (decay?.doubles ?? [], rate?.doubles ?? [])
        let factor = scale == 0 ? 1 / Double(n).squareRoot() : Double(scale)
        guard state.count == batch * keyHeads * n * m,
            [batch * steps * keyHeads, batch * steps * keyHeads * n, 0].contains(decays.count)
        else { throw FerryError(.shape, found: "a state or decays that do not fit", expected: "\(keyHeads) heads") }
        var y = [Double](repeating: 0, count: batch * steps * queryHeads * m)
        for sample in 0..<batch {
            for step in 0..<steps {
                let at = sample * steps + step
                for head in 0..<keyHeads {
                    let (key, value) = ((at * keyHeads + head) * n, (at * keyHeads + head) * m)
                    let base = (sample * keyHeads + head) * n * m
                    if self.decays {
                        let perKey = decays.count == batch * steps * keyHeads * n
                        for i in 0..<n {
                            let gate = exp(decays[perKey ? key + i : at * keyHeads + head])
                            for j in 0..<m { state[base + i * m + j] *= gate }
                        }
                    }
                    let width = rates.count / max(batch * steps, 1)
                    let beta = corrects ? rates[at * width + (width == 1 ? 0 : head)] : 1
                    for j in 0..<m {
                        var new = v[value + j]
                        if corrects { for i in 0..<n { new -= state[base + i * m + j] * k[key + i] } }
                        for i in 0..<n { state[base + i * m + j] += beta * k[key + i] * new }
                    }
                }
                let group = queryHeads / keyHeads
                for head in 0..<queryHeads {
                    let base = (sample * keyHeads + head / group) * n * m
                    for j in 0..<m {
                        var sum = 0.0
                        for i in 0..<n { sum += q[(at * queryHeads + head) * n + i] * state[base + i * m + j] }
                        y[(at * queryHeads + head) * m + j] = factor * sum
                    }
                }
            }
        }
        let stateType = inputs[optional: 3]?.dtype ?? inputs[0].dtype
        return [
            Tensor(y, shape: [batch, steps, queryHeads * m], dtype: inputs[0].dtype),
            Tensor(state, shape: [batch, keyHeads, n, m], dtype: stateType),
        ]
    }
}
