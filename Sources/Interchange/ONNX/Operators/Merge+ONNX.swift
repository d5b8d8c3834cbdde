import FerryEngine
package import FerryRuntime

/// Add, Sub, Mul, Mean, Max or Min; inputs of lower rank are unsqueezed behind the batch before.
extension Merge: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let present = inputs.present
        let rank = present.map(\.type.rank).max() ?? 0
        let operands = present.map { signal in
            let missing = rank - signal.type.rank
            return emitter.unsqueeze(emitter.float32(signal), Array(1..<(1 + missing)))
        }
        let masks = present.map(\.mask)
        let mask = mergedMask(masks, &emitter)
        let result =
            maskMerge == .any
            ? skippingHidden(operands, masks, mask, rank: rank, &emitter) ?? combine(operands, &emitter)
            : combine(operands, &emitter)
        return try signals(result, for: inputs, mask: mask)
    }

    /// The rule of Keras 3 for masked inputs, as `evaluate` has it; nil where it is the plain function.
    private func skippingHidden(
        _ operands: [String], _ masks: [ONNXMask?], _ merged: ONNXMask?, rank: Int, _ emitter: inout ONNXEmitter
    ) -> String? {
        guard masks.contains(where: { $0 != nil }) else { return nil }
        func visible(_ x: String, _ mask: ONNXMask?, otherwise other: @autoclosure () -> String) -> String {
            guard let mask else { return x }
            return emitter.apply("Where", emitter.unsqueeze(mask.name, Array(mask.rank..<rank)), x, other())
        }
        switch function {
        case .multiply:
            let shown = zip(operands, masks).map { visible($0, $1, otherwise: emitter.scalar(1)) }
            let product = shown.dropFirst().reduce(shown[0]) { emitter.apply("Mul", $0, $1) }
            return visible(product, merged, otherwise: emitter.scalar(0))
        case .maximum, .minimum:
            var (result, shown) = (operands[0], masks[0])
            for (x, mask) in zip(operands, masks).dropFirst() {
                let x = visible(x, mask, otherwise: result)
                result = visible(result, shown, otherwise: x)
                result = emitter.apply(function == .maximum ? "Max" : "Min", result, x)
                shown = mask.flatMap { mask in shown.map { emitter.merge($0, mask, by: .any) } }
            }
            return result
        case .add, .subtract, .average: return nil
        }
    }

    private func combine(_ operands: [String], _ emitter: inout ONNXEmitter) -> String {
        guard operands.count > 1 else { return operands[0] }
        func chain(_ op: String) -> String { operands.dropFirst().reduce(operands[0]) { emitter.apply(op, $0, $1) } }
        return switch function {
        case .add: chain("Add")
        case .subtract: chain("Sub")
        case .multiply: chain("Mul")
        case .average: emitter.apply("Mean", to: operands)
        case .maximum: emitter.apply("Max", to: operands)
        case .minimum: emitter.apply("Min", to: operands)
        }
    }

    private func mergedMask(_ masks: [ONNXMask?], _ emitter: inout ONNXEmitter) -> ONNXMask? {
        let present = masks.compactMap { $0 }
        guard let first = present.first, maskMerge == .all || present.count == masks.count else { return nil }
        return present.dropFirst().reduce(first) { emitter.merge($0, $1, by: maskMerge) }
    }
}

/// Concat.
extension Concatenate: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let present = inputs.present
        let rank = present[0].type.rank
        let axis = resolvedAxis(axis, rank: rank) ?? 0
        let isUniform = present.allSatisfy { $0.type.dtype == present[0].type.dtype }
        let operands = present.map { isUniform ? $0.name : emitter.float32($0) }
        let mask = try mergedMask(present, axis: axis, rank: rank, &emitter)
        let joined = emitter.apply("Concat", to: operands, attributes: ["axis": .int(axis)])
        var type = try outputTypes(for: inputs.map(\.type))[0]
        if !isUniform { type.dtype = .float32 }
        return [ONNXSignal(joined, type, mask: mask)]
    }

    /// Keras stretches the masks over the features, joins them like the inputs and reduces along the last axis.
    private func mergedMask(
        _ signals: [ONNXSignal], axis: Int, rank: Int, _ emitter: inout ONNXEmitter
    ) throws -> ONNXMask? {
        let present = signals.compactMap(\.mask)
        guard let first = present.first else { return nil }
        guard present.allSatisfy({ $0.rank == rank - 1 }) else {
            throw FerryError(
                .unsupported, found: "joins masks with \(present.map(\.rank)) axes", expected: "\(rank - 1) axes")
        }
        if axis == rank - 1 {
            // A stretched mask that is true everywhere decides "any" and leaves "all" to the others.
            guard maskMerge == .all || present.count == signals.count else { return nil }
            return present.dropFirst().reduce(first) { emitter.merge($0, $1, by: maskMerge) }
        }
        let parts = signals.map { signal in
            signal.mask?.name
                ?? emitter.apply(
                    "Expand", emitter.constant(Tensor(scalar: true)), emitter.lengths(signal.name, to: rank - 1))
        }
        return ONNXMask(emitter.apply("Concat", to: parts, attributes: ["axis": .int(axis)]), rank: rank - 1)
    }
}

extension ONNXEmitter {
    /// One mask of two.
    fileprivate mutating func merge(_ a: ONNXMask, _ b: ONNXMask, by rule: MaskMerge) -> ONNXMask {
        ONNXMask(apply(rule == .all ? "And" : "Or", a.name, b.name), rank: max(a.rank, b.rank))
    }
}
