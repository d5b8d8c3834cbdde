import FerryEngine
package import FerryRuntime

extension ActivationFunction {
    /// The Python expression of the function applied to `x`.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where PyTorch has no such function.
    func torch(_ x: String) throws -> String {
        switch self {
        case .linear: return x
        case .relu(.infinity, 0, 0): return "torch.relu(\(x))"
        case .relu(6, 0, 0): return "F.relu6(\(x))"
        case .relu(.infinity, let slope, 0): return "F.leaky_relu(\(x), \(slope))"
        case .tanh: return "torch.tanh(\(x))"
        case .sigmoid: return "torch.sigmoid(\(x))"
        case .hardSigmoidKeras3: return "F.hardsigmoid(\(x))"
        case .hardSigmoid(let slope, let offset): return "torch.clamp(\(x) * \(slope) + \(offset), 0, 1)"
        case .affine(let scale, let offset): return "(\(x) * \(scale) + \(offset))"
        case .thresholdedReLU(let threshold): return "F.threshold(\(x), \(threshold), 0)"
        case .threshold(let threshold, let value): return "F.threshold(\(x), \(threshold), \(value))"
        case .logSigmoid: return "F.logsigmoid(\(x))"
        case .elu(let alpha): return "F.elu(\(x), \(alpha))"
        case .selu: return "F.selu(\(x))"
        case .celu(let alpha): return "F.celu(\(x), \(alpha))"
        case .gelu(let isApproximate): return "F.gelu(\(x)\(isApproximate ? ", approximate='tanh'" : ""))"
        case .silu: return "F.silu(\(x))"
        case .hardSilu: return "F.hardswish(\(x))"
        case .mish: return "F.mish(\(x))"
        case .softplus: return "F.softplus(\(x))"
        case .softsign: return "F.softsign(\(x))"
        case .exponential: return "torch.exp(\(x))"
        case .tanhShrink: return "F.tanhshrink(\(x))"
        case .hardTanh: return "F.hardtanh(\(x))"
        case .hardShrink(let lambda): return "F.hardshrink(\(x), \(lambda))"
        case .softShrink(let lambda): return "F.softshrink(\(x), \(lambda))"
        case .softmax(let axis): return "torch.softmax(\(x), \(axis))"
        case .logSoftmax(let axis): return "torch.log_softmax(\(x), \(axis))"
        default: throw FerryError.notInTorch("the activation \(self)")
        }
    }
}

extension Activation: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] { [try function.torch(call.input)] }
}

extension Softmax: TorchOperator {
    package func torchForward(_ call: inout TorchCall) throws -> [String] {
        guard axes.count == 1 else { throw FerryError.notInTorch("a softmax over axes \(axes)") }
        return ["torch.softmax(\(call.input), \(axes[0]))"]
    }
}
