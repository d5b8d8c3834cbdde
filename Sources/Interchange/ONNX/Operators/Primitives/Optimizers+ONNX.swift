import FerryEngine
import FerryRuntime

/// One step of an optimiser (`ai.onnx.preview.training`): rate, count of steps, then all weights, all gradients, and all
/// values of each kind that the optimiser remembers; new weights and memories come out in the same order.
enum ONNXOptimizer: ONNXReadable {
    static let readableOperators = ["Adagrad", "Adam", "Momentum"].map { "ai.onnx.preview.training.\($0)" }

    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let memories = node.node.opType == "Adam" ? 2 : 1
        let operands = try node.inputs().dropFirst(2).compactMap { $0 }
        let count = operands.count / (2 + memories)
        guard count > 0, operands.count == count * (2 + memories) else {
            throw FerryError.damaged("has \(operands.count) values", expected: "\(2 + memories) of each weight")
        }
        let settings = try Settings(&node)
        let results = try (0..<count).map { i -> [ONNXOperand] in
            let (x, g) = (operands[i], operands[count + i])
            let gradient = try node.plus(node.times(node.scalar(settings.norm, like: x), x), g)
            let memory = (0..<memories).map { operands[(2 + $0) * count + i] }
            switch node.node.opType {
            case "Adagrad": return try adagrad(node, settings, x, gradient, memory[0])
            case "Adam": return try adam(node, settings, x, gradient, memory)
            default: return try momentum(node, settings, x, gradient, memory[0])
            }
        }
        return (0...memories).flatMap { kind in results.map { $0[kind] } }
    }

    private struct Settings {
        let norm: Float
        let normAfter: Float
        let epsilon: Float
        let decay: Float
        let alpha: Float
        let beta: Float
        let isNesterov: Bool

        init(_ node: inout ONNXNodeReader) throws {
            norm = try node.attributes.float("norm_coefficient") ?? 0
            normAfter = try node.attributes.float("norm_coefficient_post") ?? 0
            epsilon = try node.attributes.float("epsilon") ?? 1e-6
            decay = try node.attributes.float("decay_factor") ?? 0
            alpha = try node.attributes.float("alpha") ?? 0.9
            beta = try node.attributes.float("beta") ?? 0.999
            isNesterov = try node.attributes.choice("mode", ["standard": false, "nesterov": true], default: false)
        }
    }

    private static func count(_ node: ONNXNodeReader, like x: ONNXOperand) throws -> ONNXOperand {
        try node.cast(node.input(1), to: node.type(x).dtype)
    }

    private static func adagrad(
        _ node: ONNXNodeReader, _ settings: Settings, _ x: ONNXOperand, _ g: ONNXOperand, _ h: ONNXOperand
    ) throws -> [ONNXOperand] {
        let decay = try node.times(count(node, like: x), node.scalar(settings.decay, like: x))
        let rate = try node.over(node.input(0), node.plus(decay, node.scalar(1, like: x)))
        let newH = try node.plus(h, node.times(g, g))
        let root = try node.plus(node.apply(.squareRoot, newH), node.scalar(settings.epsilon, like: x))
        return [try node.minus(x, node.over(node.times(rate, g), root)), newH]
    }

    private static func adam(
        _ node: ONNXNodeReader, _ settings: Settings, _ x: ONNXOperand, _ g: ONNXOperand, _ memory: [ONNXOperand]
    ) throws -> [ONNXOperand] {
        func scalar(_ value: Float) -> ONNXOperand { node.scalar(value, like: x) }
        func mixed(_ old: ONNXOperand, _ new: ONNXOperand, _ share: Float) throws -> ONNXOperand {
            try node.plus(node.times(scalar(share), old), node.times(scalar(1 - share), new))
        }
        let newV = try mixed(memory[0], g, settings.alpha)
        let newH = try mixed(memory[1], node.times(g, g), settings.beta)
        let steps = try count(node, like: x)
        func rest(_ base: Float) throws -> ONNXOperand {
            try node.minus(scalar(1), node.add(Arithmetic(.power), scalar(base), steps))
        }
        let corrected = try node.over(
            node.times(node.input(0), node.apply(.squareRoot, rest(settings.beta))), rest(settings.alpha))
        let isLater = try node.add(Comparison(.greater), steps, scalar(0))
        let rate = try node.add(Choice(), isLater, corrected, node.input(0))
        let root = try node.plus(node.apply(.squareRoot, newH), scalar(settings.epsilon))
        let newX = try node.minus(x, node.over(node.times(rate, newV), root))
        return [try node.times(newX, scalar(1 - settings.normAfter)), newV, newH]
    }

    private static func momentum(
        _ node: ONNXNodeReader, _ settings: Settings, _ x: ONNXOperand, _ g: ONNXOperand, _ v: ONNXOperand
    ) throws -> [ONNXOperand] {
        let (alpha, one) = (node.scalar(settings.alpha, like: x), node.scalar(1, like: x))
        let isLater = try node.add(Comparison(.greater), count(node, like: x), node.scalar(0, like: x))
        let share = try node.add(Choice(), isLater, node.scalar(settings.beta, like: x), one)
        let newV = try node.plus(node.times(alpha, v), node.times(share, g))
        let step = settings.isNesterov ? try node.plus(g, node.times(alpha, newV)) : newV
        return [try node.minus(x, node.times(node.input(0), step)), newV]
    }
}
