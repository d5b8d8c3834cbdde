import FerryEngine

/// An operator that only moves elements, or fills with zeros, as the shapes alone say.
///
/// It is planned by its own definition: applied to the numbers of the elements, it tells where each one goes.
protocol ElementMover: PlannableOperator {}

extension ElementMover {
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) throws -> [PlannedValue]? {
        let values = inputs.present
        let total = values.reduce(0) { $0 + $1.count }
        // Beyond 2²⁴ a float32 no longer tells neighbouring numbers apart.
        guard values.count == inputs.count, values.allSatisfy({ $0.dtype == .float32 && $0.mask == nil }),
            total < 1 << 24
        else { return nil }
        var next = 1
        let numbers = values.map { value in
            defer { next += value.count }
            return Signal(Tensor((next..<(next + value.count)).map { Float($0) }, shape: value.shape))
        }
        var state = LayerState()
        let moved = try evaluate(Slots(numbers), parameters, &state)
        guard moved.count == 1, moved[0].tensor.dtype == .float32 else { return nil }
        let sources = moved[0].tensor.floats.map { Int32($0) - 1 }
        let shape = moved[0].tensor.shape
        if values.count == 1, sources.elementsEqual(0..<Int32(total)) { return [values[0].reshaped(shape)] }
        let joined = builder.joined(values)
        let y = builder.value(shape)
        builder.calls.addPick(sources, joined, into: y.base)
        return [y]
    }
}

extension PlanBuilder {
    /// The elements of several values one after another.
    fileprivate func joined(_ values: [PlannedValue]) -> UnsafeRawPointer {
        if values.count == 1 { return UnsafeRawPointer(values[0].base) }
        let all = calls.floats(values.reduce(0) { $0 + $1.count })
        var target = all
        for value in values {
            calls.addCopy(value.base, into: target, byteCount: value.count * 4)
            target += value.count
        }
        return UnsafeRawPointer(all)
    }
}

extension Flatten: ElementMover {}
extension Reshape: ElementMover {}
extension Permute: ElementMover {}
extension RepeatVector: ElementMover {}
extension Concatenate: ElementMover {}
extension Transpose: ElementMover {}
extension Squeeze: ElementMover {}
extension Unsqueeze: ElementMover {}
extension Reverse: ElementMover {}
