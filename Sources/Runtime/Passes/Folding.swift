package import FerryEngine

extension Operator {
    /// The outputs for inputs that are all known, computed once and for all; nil where they depend on more than the
    /// inputs, or would take far more memory than these.
    ///
    /// - Parameter room: how many elements the outputs may have in all.
    package func folded(_ inputs: Slots<Tensor>, room: Int = 1 << 26) throws -> [Tensor]? {
        let types = try outputTypes(for: inputs.map { ValueType(of: $0) })
        let given = inputs.present.reduce(0) { $0 + $1.count }
        let most = min(max(1 << 20, 2 * given), room)
        let needed = types.reduce(0) { $0.plus($1.shape.lengths?.reduce(1) { $0.times($1) } ?? 0) }
        guard !isStateful, needed <= most else { return nil }
        guard try parameterSpecs(for: inputs.map { ValueType(of: $0) }).isEmpty else { return nil }
        var limits = RunLimits.current
        limits.elements = min(limits.elements, most)
        do {
            return try RunLimits.$current.withValue(limits) {
                var state = LayerState()
                return try evaluate(inputs.map { Signal($0) }, ParameterSet(), &state).map(\.tensor)
            }
        } catch let error as FerryError where error.code == .range { return nil }
    }
}
