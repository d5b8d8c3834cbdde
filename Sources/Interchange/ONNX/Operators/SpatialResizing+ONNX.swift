import FerryEngine
package import FerryRuntime

/// Resize, nearest neighbour.
extension UpSampling: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let (rank, dtype) = (inputs[0].type.rank, inputs[0].type.dtype)
        var scales = [Float](repeating: 1, count: rank)
        for (axis, factor) in zip(ONNXFeatureOrder(rank: rank, isFirst: channelsFirst).spatial, factors) {
            scales[axis] = Float(factor)
        }
        let y = emitter.apply(
            "Resize", emitter.float32(inputs[0]), "", emitter.constant(Tensor(scales)),
            attributes: [
                "mode": .text("nearest"), "coordinate_transformation_mode": .text("asymmetric"),
                "nearest_mode": .text("floor"),
            ])
        return try signals(emitter.cast(y, from: .float32, to: dtype), for: inputs)
    }
}

/// Pad with zeros.
extension ZeroPadding: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let rank = inputs[0].type.rank
        var pads = [Int](repeating: 0, count: 2 * rank)
        for (axis, amount) in zip(ONNXFeatureOrder(rank: rank, isFirst: channelsFirst).spatial, amounts) {
            (pads[axis], pads[axis + rank]) = (amount.before, amount.behind)
        }
        return try signals(emitter.apply("Pad", inputs[0].name, emitter.integers(pads)), for: inputs)
    }
}

/// Slice.
extension Cropping: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let axes = Array(ONNXFeatureOrder(rank: inputs[0].type.rank, isFirst: channelsFirst).spatial)
        let y = emitter.apply(
            "Slice", inputs[0].name, emitter.integers(amounts.map(\.before)),
            emitter.integers(amounts.map { $0.behind == 0 ? .max : -$0.behind }), emitter.integers(axes))
        return try signals(y, for: inputs)
    }
}

/// Resize by whole numbers to the nearest element below.
extension UpSampling: ONNXReadable {
    package static let readableOperators = ["Resize"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        guard let layer = try layer(node) else { return try Resize.read(&node) }
        node.attributes.ignore(
            "mode", "coordinate_transformation_mode", "nearest_mode", "cubic_coeff_a", "extrapolation_value",
            "exclude_outside", "antialias", "keep_aspect_ratio_policy")
        return try node.append(layer, [node.input(0)])
    }

    /// The layer where the node repeats elements of the axes between batch and features; else ``Resize`` does.
    private static func layer(_ node: ONNXNodeReader) throws -> UpSampling? {
        var attributes = node.attributes
        let mode = try attributes.text("mode") ?? "nearest"
        let place = try attributes.text("coordinate_transformation_mode") ?? "half_pixel"
        let rounding = try attributes.text("nearest_mode") ?? "round_prefer_floor"
        let rank = node.type(try node.input(0)).rank
        guard node.opset >= 11, (mode, place, rounding) == ("nearest", "asymmetric", "floor"), node.lacks(3),
            try attributes.ints("axes") == nil, node.type(try node.input(0)).dtype.isFloat,
            let scales = try node.optional(2)?.tensor?.floats, scales.count == rank, rank >= 3
        else { return nil }
        let factors: [Int] = scales.map { (scale: Float) in scale >= 1 && scale < 0x1p20 ? Int(scale) : 0 }
        guard factors.map({ Float($0) }) == scales, factors[0] == 1, factors[1] == 1 || factors[rank - 1] == 1 else {
            return nil
        }
        let isFirst = factors[1] == 1
        var layer = UpSampling(Array(isFirst ? factors[2...] : factors[1..<(rank - 1)]))
        layer.channelsFirst = isFirst
        return layer
    }
}
