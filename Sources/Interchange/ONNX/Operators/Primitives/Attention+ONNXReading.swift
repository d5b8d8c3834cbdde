import FerryEngine
package import FerryRuntime

extension HeadAttention: ONNXReadable {
    package static let readableOperators = ["Attention"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        var attention = HeadAttention()
        attention.queryHeads = try node.attributes.int("q_num_heads")
        attention.keyHeads = try node.attributes.int("kv_num_heads")
        attention.scale = try node.attributes.float("scale")
        attention.softcap = try node.attributes.float("softcap") ?? 0
        attention.isCausal = try node.attributes.flag("is_causal", default: false)
        attention.leftWindow = try node.attributes.int("left_window_size").flatMap { $0 < 0 ? nil : $0 }
        attention.rightWindow = try node.attributes.int("right_window_size").flatMap { $0 < 0 ? nil : $0 }
        let mode = try node.attributes.int("qk_matmul_output_mode") ?? 0
        guard let scores = Scores(rawValue: mode) else {
            throw FerryError(.range, at: ["attribute 'qk_matmul_output_mode'"], found: "\(mode)", expected: "0 to 3")
        }
        attention.scores = scores
        // Scores are computed in float32 whatever the file asks for.
        node.attributes.ignore("softmax_precision")
        return try node.append(attention, node.inputs())
    }
}

extension LinearAttention: ONNXReadable {
    package static let readableOperators = ["LinearAttention"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        node.attributes.ignore("chunk_size")
        let rules = Dictionary(uniqueKeysWithValues: Rule.allCases.map { ($0.rawValue, $0) })
        let rule = try node.attributes.choice("update_rule", rules, default: .gatedDelta)
        guard let heads = try node.attributes.int("q_num_heads"), let keyHeads = try node.attributes.int("kv_num_heads")
        else { throw FerryError(.missingKey, found: "no number of heads", expected: "q_num_heads and kv_num_heads") }
        let scale = try node.attributes.float("scale") ?? 0
        return try node.append(
            LinearAttention(rule, queryHeads: heads, keyHeads: keyHeads, scale: scale), node.inputs())
    }
}

/// CausalConvWithState: the steps before, a convolution of each channel, and the last steps as the new state.
enum ONNXCausalConvolution: ONNXReadable {
    static let readableOperators = ["CausalConvWithState"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let functions: [String: Bool] = ["none": false, "silu": true, "swish": true]
        let isSwish = try node.attributes.choice("activation", functions, default: false)
        let (x, weights) = (try node.input(0), try node.input(1))
        let type = node.type(weights)
        guard type.rank == 3, let size = type.shape[2].length, let channels = type.shape[0].length else {
            throw FerryError(.shape, found: "weights \(type)", expected: "[channels, 1, size] of fixed lengths")
        }
        let pad = Pad(.constant, pads: .known([size - 1, 0]), axes: .known([2]))
        let whole = try node.optional(3).map {
            try node.append(Concatenate(axis: 2), [$0, x], suffix: "Concatenate")[0]
        }
        let steps = try whole ?? node.add(pad, x)
        var y = try node.append(
            Convolution(Window(lengths: [size]), groups: channels), [steps, weights, node.optional(2)],
            suffix: "Convolution")[0]
        if isSwish {
            let reader = node
            y = try node.inFloat32(y) { try reader.add(Activation(.silu), $0) }
        }
        let starts = size == 1 ? Int(Int32.max) : 1 - size
        let last = Slice(starts: .known([starts]), ends: .known([Int(Int32.max)]), axes: .known([2]))
        return [y, try node.add(last, steps)]
    }
}

/// RotaryEmbedding: pairs of elements turned by an angle for each step.
enum ONNXRotaryEmbedding: ONNXReadable {
    static let readableOperators = ["RotaryEmbedding"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let isInterleaved = try node.attributes.flag("interleaved", default: false)
        let heads = try node.attributes.int("num_heads") ?? 0
        let input = try node.input(0)
        let type = node.type(input)
        var width = try node.attributes.int("rotary_embedding_dim") ?? 0
        // [batch, time, heads, size]
        let x: ONNXOperand
        if type.rank == 4 {
            x = try node.add(Transpose([0, 2, 1, 3]), input)
        } else {
            guard type.rank == 3, heads > 0, let features = type.shape[2].length, features % heads == 0 else {
                throw FerryError(.shape, found: "input \(type)", expected: "[batch, time, heads · size], num_heads")
            }
            x = try node.reshaped(input, [0, 0, heads, features / heads])
        }
        guard let size = node.type(x).shape[3].length else {
            throw FerryError(.shape, found: "input \(type)", expected: "a fixed size of heads")
        }
        if width == 0 { width = size }
        let positions = try node.optional(3)
        let angles = try [1, 2].map { index -> ONNXOperand in
            let cache = try node.input(index)
            let steps = try positions.map { try node.add(Gather(axis: 0), cache, $0) } ?? cache
            return try node.add(Unsqueeze([2]), steps)
        }
        let parts = try [0, 1].map { part in
            let slice =
                isInterleaved
                ? Slice(starts: .known([part]), ends: .known([width]), axes: .known([3]), steps: .known([2]))
                : Slice(starts: .known([part * width / 2]), ends: .known([(part + 1) * width / 2]), axes: .known([3]))
            return try node.add(slice, x)
        }
        let real = try node.minus(node.times(angles[0], parts[0]), node.times(angles[1], parts[1]))
        let imaginary = try node.plus(node.times(angles[1], parts[0]), node.times(angles[0], parts[1]))
        var turned: ONNXOperand
        if isInterleaved {
            let pairs = try [real, imaginary].map { try node.add(Unsqueeze([4]), $0) }
            let joined = try node.append(Concatenate(axis: 4), pairs, suffix: "Concatenate")[0]
            let shape = [0, 0, type.rank == 4 ? 0 : heads, width]
            turned = try node.reshaped(joined, shape)
        } else {
            turned = try node.append(Concatenate(axis: 3), [real, imaginary], suffix: "Concatenate")[0]
        }
        if width < size {
            let rest = Slice(starts: .known([width]), ends: .known([size]), axes: .known([3]))
            turned = try node.append(Concatenate(axis: 3), [turned, node.add(rest, x)], suffix: "Concatenate")[0]
        }
        return [
            type.rank == 4 ? try node.add(Transpose([0, 2, 1, 3]), turned) : try node.reshaped(turned, like: input)
        ]
    }
}

/// SwiGLU: swish of one input times the other.
enum ONNXSwiGLU: ONNXReadable {
    static let readableOperators = ["SwiGLU", "com.microsoft.QuickGelu"]

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let isQuick = node.node.opType == "QuickGelu"
        let alpha = try node.attributes.float("alpha") ?? (isQuick ? 1.702 : 1)
        let reader = node
        let gate = try node.inFloat32(node.input(0)) { try swish(reader, $0, alpha: alpha) }
        return [isQuick ? gate : try node.times(gate, node.input(1))]
    }

    /// x · σ(αx).
    static func swish(_ node: ONNXNodeReader, _ x: ONNXOperand, alpha: Float) throws -> ONNXOperand {
        let bent = try node.add(Activation(.sigmoid), node.times(x, node.scalar(alpha, like: x)))
        return try node.times(x, bent)
    }
}
