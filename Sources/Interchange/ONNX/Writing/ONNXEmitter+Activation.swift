package import FerryEngine

extension ONNXEmitter {
    /// `function` of `x`, float32 of the given shape: one operator where this opset has one, else several.
    package mutating func activate(_ x: String, _ function: ActivationFunction, _ shape: [Dimension]) -> String {
        switch function {
        case .linear: x
        case .affine(let scale, let offset): affine(x, scale, offset)
        case .relu(let maximum, let slope, let threshold): relu(x, maximum, slope, threshold)
        case .thresholdedReLU(let threshold): apply("ThresholdedRelu", x, attributes: ["alpha": .float(threshold)])
        case .tanh: apply("Tanh", x)
        case .scaledTanh(let scale, let inner): times(apply("Tanh", times(x, inner)), scale)
        case .sigmoid: apply("Sigmoid", x)
        case .hardSigmoid(let slope, let offset): hardSigmoid(x, slope, offset)
        case .logSigmoid: apply("Neg", apply("Softplus", apply("Neg", x)))
        case .elu(let alpha): apply("Elu", x, attributes: ["alpha": .float(alpha)])
        case .selu: apply("Selu", x, attributes: ["alpha": .float(1.673_263_242), "gamma": .float(1.050_700_987)])
        case .celu(let alpha): apply("Celu", x, attributes: ["alpha": .float(alpha)])
        case .gelu(let approximate): gelu(x, approximate: approximate)
        case .silu: apply("Mul", x, apply("Sigmoid", x))
        case .hardSilu: opset >= 14 ? apply("HardSwish", x) : apply("Mul", x, hardSigmoid(x, 1 / 6, 0.5))
        case .mish: opset >= 18 ? apply("Mish", x) : apply("Mul", x, apply("Tanh", apply("Softplus", x)))
        case .softplus: apply("Softplus", x)
        case .softsign: apply("Softsign", x)
        case .exponential: apply("Exp", x)
        case .tanhShrink: apply("Sub", x, apply("Tanh", x))
        case .hardTanh: clip(x, from: -1, to: 1)
        case .hardShrink(let lambda): shrink(x, lambda, bias: 0)
        case .softShrink(let lambda): shrink(x, lambda, bias: lambda)
        case .threshold(let threshold, let value):
            apply("Where", apply("Greater", x, scalar(threshold)), x, scalar(value))
        case .squareplus(let b): squareplus(x, b)
        case .sparsePlus: sparsePlus(x)
        case .sparseSigmoid: hardSigmoid(x, 0.5, 0.5)
        case .softmax(let axis): apply("Softmax", x, attributes: ["axis": .int(axis)])
        case .logSoftmax(let axis): apply("LogSoftmax", x, attributes: ["axis": .int(axis)])
        case .sparsemax(let axis): sparsemax(x, axis: resolvedAxis(axis, rank: shape.count) ?? axis, shape)
        }
    }

    /// `x` held between two bounds.
    mutating func clip(_ x: String, from minimum: Float, to maximum: Float) -> String {
        apply("Clip", x, scalar(minimum), scalar(maximum))
    }

    private mutating func times(_ x: String, _ factor: Float) -> String { apply("Mul", x, scalar(factor)) }
    private mutating func plus(_ x: String, _ term: Float) -> String { apply("Add", x, scalar(term)) }

    private mutating func affine(_ x: String, _ scale: Float, _ offset: Float) -> String {
        plus(times(x, scale), offset)
    }

    private mutating func hardSigmoid(_ x: String, _ slope: Float, _ offset: Float) -> String {
        apply("HardSigmoid", x, attributes: ["alpha": .float(slope), "beta": .float(offset)])
    }

    private mutating func shrink(_ x: String, _ lambda: Float, bias: Float) -> String {
        apply("Shrink", x, attributes: ["bias": .float(bias), "lambd": .float(lambda)])
    }

    private mutating func relu(_ x: String, _ maximum: Float, _ slope: Float, _ threshold: Float) -> String {
        switch (maximum, slope, threshold) {
        case (.infinity, 0, 0): return apply("Relu", x)
        case (0..., 0, 0): return clip(x, from: 0, to: maximum)
        case (.infinity, _, 0): return apply("LeakyRelu", x, attributes: ["alpha": .float(slope)])
        default: break
        }
        let low = slope == 0 ? scalar(0) : times(plus(x, -threshold), slope)
        let bent = apply("Where", apply("GreaterOrEqual", x, scalar(threshold)), x, low)
        guard maximum < .infinity else { return bent }
        return apply("Where", apply("GreaterOrEqual", x, scalar(maximum)), scalar(maximum), bent)
    }

    private mutating func gelu(_ x: String, approximate: Bool) -> String {
        if opset >= 20 {
            return apply("Gelu", x, attributes: ["approximate": .text(approximate ? "tanh" : "none")])
        }
        let share: String
        if approximate {
            let cube = apply("Mul", apply("Mul", x, x), x)
            share = apply("Tanh", times(apply("Add", x, times(cube, 0.044_715)), 0.797_884_561))
        } else {
            share = apply("Erf", times(x, 0.707_106_781))
        }
        return apply("Mul", times(x, 0.5), plus(share, 1))
    }

    private mutating func squareplus(_ x: String, _ b: Float) -> String {
        times(apply("Add", x, apply("Sqrt", plus(apply("Mul", x, x), b))), 0.5)
    }

    private mutating func sparsePlus(_ x: String) -> String {
        let raised = plus(clip(x, from: -1, to: 1), 1)
        let parabola = times(apply("Mul", raised, raised), 0.25)
        return apply("Where", apply("GreaterOrEqual", x, scalar(1)), x, parabola)
    }

    /// max(x − τ, 0), where τ is the largest of (the sum of the k largest elements − 1) / k.
    private mutating func sparsemax(_ x: String, axis: Int, _ shape: [Dimension]) -> String {
        let length = shape[axis].length.map { integers([$0]) } ?? lengths(x, from: axis, to: axis + 1)
        let descending = apply("TopK", [x, length], outputs: [true, true], attributes: ["axis": .int(axis)])[0]
        let partialSums = apply("CumSum", descending, integer(axis))
        let count = apply("Range", scalar(1), plus(cast(squeeze(length, [0]), to: .float32), 1), scalar(1))
        let aligned = unsqueeze(count, Array(1..<(shape.count - axis)))
        let bound = apply("Div", plus(partialSums, -1), aligned)
        let support = cast(apply("Greater", descending, bound), to: .float32)
        let size = reduce("ReduceSum", support, axes: [axis], keepsAxes: true)
        let sum = reduce("ReduceSum", apply("Mul", partialSums, support), axes: [axis], keepsAxes: true)
        let threshold = apply("Div", plus(sum, -1), size)
        return apply("Relu", apply("Sub", x, threshold))
    }
}
