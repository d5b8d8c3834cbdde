/// A function applied to each number of a tensor, or (softmax and its kin) to each line along one axis.
///
/// Foreign names are not here: what a file calls `hard_sigmoid` is the reader's business.
public enum ActivationFunction: Sendable, Hashable {
    /// x
    case linear
    /// αx + β
    case affine(scale: Float, offset: Float)
    /// max where x ≥ max; x where threshold ≤ x < max; slope · (x − threshold) below (Keras `ReLU`).
    case relu(maximum: Float = .infinity, slope: Float = 0, threshold: Float = 0)
    /// x where x > threshold, else 0 (ONNX `ThresholdedRelu`)
    case thresholdedReLU(threshold: Float)
    /// tanh x
    case tanh
    /// α tanh βx (ONNX `ScaledTanh`)
    case scaledTanh(scale: Float, inner: Float)
    /// 1 / (1 + e⁻ˣ)
    case sigmoid
    /// min(max(slope · x + offset, 0), 1); Keras 1 and 2: 0.2, 0.5; Keras 3: 1/6, 0.5
    case hardSigmoid(slope: Float, offset: Float)
    /// ln(sigmoid x)
    case logSigmoid
    /// x where x > 0, else α (eˣ − 1)
    case elu(alpha: Float)
    /// 1.0507… · elu(x, 1.6733…) (Klambauer et al. 2017)
    case selu
    /// max(0, x) + min(0, α (e^(x/α) − 1))
    case celu(alpha: Float)
    /// x Φ(x), or its tanh approximation (Hendrycks & Gimpel 2016)
    case gelu(approximate: Bool)
    /// x · sigmoid x, also called swish
    case silu
    /// x · relu6(x + 3) / 6
    case hardSilu
    /// x · tanh(ln(1 + eˣ))
    case mish
    /// ln(1 + eˣ)
    case softplus
    /// x / (1 + |x|)
    case softsign
    /// eˣ
    case exponential
    /// x − tanh x
    case tanhShrink
    /// min(max(x, −1), 1)
    case hardTanh
    /// x where |x| > λ, else 0
    case hardShrink(lambda: Float)
    /// x ∓ λ where |x| > λ, else 0
    case softShrink(lambda: Float)
    /// x where x > threshold, else `value`
    case threshold(Float, value: Float)
    /// (x + √(x² + b)) / 2
    case squareplus(b: Float)
    /// 0 where x ≤ −1, (x + 1)²/4 where |x| < 1, x where x ≥ 1
    case sparsePlus
    /// 0 where x ≤ −1, (x + 1)/2 where |x| < 1, 1 where x ≥ 1
    case sparseSigmoid
    /// eˣ / Σ eˣ along `axis`
    case softmax(axis: Int)
    /// ln(softmax x) along `axis`
    case logSoftmax(axis: Int)
    /// Keras's `sparsemax` along `axis`; its threshold sums partial sums, so that it is the projection of Martins &
    /// Astudillo (2016) only where a single element is above it
    case sparsemax(axis: Int)

    /// Keras 1 and 2: clip(0.2x + 0.5, 0, 1).
    public static let hardSigmoidKeras2 = ActivationFunction.hardSigmoid(slope: 0.2, offset: 0.5)
    /// Keras 3: relu6(x + 3) / 6.
    public static let hardSigmoidKeras3 = ActivationFunction.hardSigmoid(slope: 1 / 6, offset: 0.5)
    /// max(0, x)
    public static let relu = ActivationFunction.relu()
    /// min(max(0, x), 6)
    public static let relu6 = ActivationFunction.relu(maximum: 6)
    /// eˣ / Σ eˣ along the last axis
    public static let softmax = ActivationFunction.softmax(axis: -1)

    /// The axis of a function that needs a whole line; nil where each number stands alone.
    public var axis: Int? {
        switch self {
        case .softmax(let axis), .logSoftmax(let axis), .sparsemax(let axis): axis
        default: nil
        }
    }

    /// The function applied to `tensor`, as float32.
    ///
    /// - Throws: ``FerryError/Code/shape`` where the tensor lacks the axis.
    public func callAsFunction(_ tensor: Tensor) throws -> Tensor {
        guard let axis else {
            if self == .linear { return tensor }
            var result = tensor.cast(to: .float32)
            result.withUnsafeMutableElements { apply(to: $0) }
            return result
        }
        guard let resolved = resolvedAxis(axis, rank: tensor.rank) else {
            throw FerryError(.shape, found: "axis \(axis) of shape \(tensor.shape)", expected: "an axis it has")
        }
        return tensor.mapLines(axis: resolved) { apply(to: $0) }
    }

    /// Overwrites a line of numbers with the function of them.
    public func apply(to line: UnsafeMutableBufferPointer<Float>) {
        switch self {
        case .softmax: softmaxLine(line)
        case .logSoftmax: logSoftmaxLine(line)
        case .sparsemax: sparsemaxLine(line)
        default:
            if let activation = KernelActivation(self) {
                Kernels.best.apply(activation, to: line)
            } else {
                for i in line.indices { line[i] = self.scalar(line[i]) }
            }
        }
    }
}
