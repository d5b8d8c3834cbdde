import FerryEngine
package import FerryRuntime

/// Clip, whose bounds were attributes before version 11; with the bounds of a known function, that function.
extension Clip: ONNXReadable {
    package static let readableOperators = ["Clip"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("consumed_inputs")
        let x = try node.input(0)
        let type = node.type(x)
        func bound(_ value: Float?) -> ONNXOperand? {
            value.map { node.literal(Tensor(scalar: $0).cast(to: type.dtype)) }
        }
        let isOld = node.opset < 11
        let low = isOld ? bound(try node.attributes.float("min")) : try node.optional(1)
        let high = isOld ? bound(try node.attributes.float("max")) : try node.optional(2)
        if type.dtype == .float32, let function = function(low, high) {
            return try node.append(Activation(function), [x])
        }
        return try node.append(Clip(), [x, low, high])
    }

    private static func function(_ low: ONNXOperand?, _ high: ONNXOperand?) -> ActivationFunction? {
        guard let low = low?.tensor?.floats.first else { return nil }
        if high == nil { return low == 0 ? .relu : nil }
        guard let high = high?.tensor?.floats.first else { return nil }
        if low == 0 && high >= 0 { return .relu(maximum: high) }
        return low == -1 && high == 1 ? .hardTanh : nil
    }
}

/// Cast and CastLike.
extension Cast: ONNXReadable {
    package static let readableOperators = ["Cast", "CastLike"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        // Only for eight-bit floats, which no tensor here has.
        node.attributes.ignore("saturate", "round_mode")
        guard node.node.opType == "Cast" else {
            return try node.append(Cast(to: node.type(node.input(1)).dtype), [node.input(0)])
        }
        let number = try node.opset < 6 ? legacyType(&node) : node.attributes.int("to") ?? 0
        let type = ONNXDataType(number)
        guard let dtype = type.dtype else {
            throw FerryError(
                .unsupported, at: ["attribute 'to'"], found: "elements of type \(type)", expected: "numbers or booleans"
            )
        }
        let x = try node.input(0)
        return node.type(x).dtype == dtype ? [x] : try node.append(Cast(to: dtype), [x])
    }

    /// Before version 6 the type was a text such as `FLOAT`.
    private static func legacyType(_ node: inout ONNXNodeReader) throws -> Int {
        let names = [
            "FLOAT": 1, "UINT8": 2, "INT8": 3, "UINT16": 4, "INT16": 5, "INT32": 6, "INT64": 7, "BOOL": 9,
            "FLOAT16": 10,
            "DOUBLE": 11, "UINT32": 12, "UINT64": 13,
        ]
        return names[try node.attributes.text("to") ?? ""] ?? 0
    }
}

// MARK: - Writing

/// Clip.
extension Clip: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        let dtype = inputs[0].type.dtype
        let bounds = [1, 2].map { slot in
            inputs[optional: slot].map { emitter.withoutAxes(emitter.widened($0), $0.type) } ?? ""
        }
        let y = emitter.apply("Clip", to: [emitter.widened(inputs[0])] + bounds)
        return try signals(emitter.narrowed(y, to: dtype), for: inputs)
    }
}

/// Cast.
extension Cast: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        try signals(emitter.cast(inputs[0], to: dtype ?? inputs[1].type.dtype), for: inputs)
    }
}
