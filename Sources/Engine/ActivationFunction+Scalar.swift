#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

extension ActivationFunction {
    /// The function of one number: the plain definition that the vector kernels are tested against.
    ///
    /// The functions of a whole line (``axis`` is not nil) have no value here and return NaN.
    public func scalar(_ x: Float) -> Float {
        switch self {
        case .linear: x
        case .affine(let scale, let offset): scale * x + offset
        case .relu(let maximum, let slope, let threshold):
            x.isNaN ? x : x >= maximum ? maximum : x > threshold ? x : slope == 0 ? 0 : slope * (x - threshold)
        case .thresholdedReLU(let threshold): x > threshold ? x : 0
        case .tanh: tanhf(x)
        case .scaledTanh(let scale, let inner): scale * tanhf(inner * x)
        case .sigmoid: logistic(x)
        case .hardSigmoid(let slope, let offset): min(max(slope * x + offset, 0), 1)
        case .logSigmoid: -softPlus(-x)
        case .elu(let alpha): x > 0 ? x : alpha * expm1f(x)
        case .selu: 1.050_700_987 * (x > 0 ? x : 1.673_263_242 * expm1f(x))
        case .celu(let alpha): max(0, x) + min(0, alpha * expm1f(x / alpha))
        case .gelu(let approximate): gaussianLinear(x, approximate: approximate)
        case .silu: x * logistic(x)
        case .hardSilu: x * min(max(x + 3, 0), 6) / 6
        case .mish: x * tanhf(softPlus(x))
        case .softplus: softPlus(x)
        case .softsign: x / (1 + abs(x))
        case .exponential: expf(x)
        case .tanhShrink: x - tanhf(x)
        case .hardTanh: min(max(x, -1), 1)
        case .hardShrink(let lambda): abs(x) > lambda ? x : 0
        case .softShrink(let lambda): x > lambda ? x - lambda : x < -lambda ? x + lambda : 0
        case .threshold(let threshold, let value): x > threshold ? x : value
        case .squareplus(let b): (x + (x * x + b).squareRoot()) / 2
        case .sparsePlus: x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x
        case .sparseSigmoid: x <= -1 ? 0 : x < 1 ? (x + 1) / 2 : 1
        case .softmax, .logSoftmax, .sparsemax: .nan
        }
    }
}

private func logistic(_ x: Float) -> Float { 1 / (1 + expf(-x)) }

/// ln(1 + eˣ) without overflow.
private func softPlus(_ x: Float) -> Float { max(x, 0) + log1pf(expf(-abs(x))) }

private func gaussianLinear(_ x: Float, approximate: Bool) -> Float {
    guard approximate else { return 0.5 * x * erfcf(-x * 0.707_106_781) }
    return 0.5 * x * (1 + tanhf(0.797_884_561 * (x + 0.044_715 * x * x * x)))
}

func softmaxLine(_ line: UnsafeMutableBufferPointer<Float>) {
    guard let largest = line.max() else { return }
    var sum: Float = 0
    for i in line.indices {
        line[i] = expf(line[i] - largest)
        sum += line[i]
    }
    for i in line.indices { line[i] /= sum }
}

func logSoftmaxLine(_ line: UnsafeMutableBufferPointer<Float>) {
    guard let largest = line.max() else { return }
    let logSum = logf(line.reduce(0) { $0 + expf($1 - largest) })
    for i in line.indices { line[i] = line[i] - largest - logSum }
}

/// max(x − τ, 0) with τ = (Σ of the partial sums of the support − 1) / its size (`keras.ops.sparsemax`).
func sparsemaxLine(_ line: UnsafeMutableBufferPointer<Float>) {
    var (partialSum, sum, count): (Float, Float, Float) = (0, 0, 0)
    for (i, value) in line.sorted(by: >).enumerated() {
        partialSum += value
        guard value - (partialSum - 1) / Float(i + 1) > 0 else { continue }
        sum += partialSum
        count += 1
    }
    let threshold = (sum - 1) / count
    for i in line.indices { line[i] = max(line[i] - threshold, 0) }
}
