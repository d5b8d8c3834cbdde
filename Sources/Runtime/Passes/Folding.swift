package import FerryEngine

extension Operator {
    /// The outputs for inputs that are all known, computed once and for all; nil where they depend on more than the
    /// inputs, or would take far more memory than these.
    package func folded(_ inputs: Slots<Tensor>) throws -> [Tensor]? {
        let types = try outputTypes(for: inputs.map { ValueType(of: $0) })
        let given = inputs.present.reduce(0) { $0 + $1.count }
        let needed = types.compactMap { $0.shape.lengths?.checkedProduct }.max() ?? 0
        guard !isStateful, needed <= max(1 << 20, 2 * given) else { return nil }
        guard try parameterSpecs(for: inputs.map { ValueType(of: $0) }).isEmpty else { return nil }
        var state = LayerState()
        return try evaluate(inputs.map { Signal($0) }, ParameterSet(), &state).map(\.tensor)
    }
}
