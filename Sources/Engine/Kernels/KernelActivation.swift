internal import CKernels

/// An activation in the form that the kernels take.
package struct KernelActivation: Sendable {
    let c: ferry_activation

    /// The kernels' form of a function; nil where they lack it: the functions of whole lines.
    package init?(_ function: ActivationFunction) {
        guard let c = Self.kernel(of: function) else { return nil }
        self.c = c
    }

    private static func kernel(of function: ActivationFunction) -> ferry_activation? {
        func make(
            _ kind: ferry_activation_kind, _ alpha: Float = 0, _ beta: Float = 0, _ gamma: Float = 0
        ) -> ferry_activation {
            ferry_activation(kind: Int32(kind.rawValue), alpha: alpha, beta: beta, gamma: gamma)
        }
        return switch function {
        case .linear: make(FERRY_ACTIVATION_LINEAR)
        case .affine(let scale, let offset): make(FERRY_ACTIVATION_AFFINE, scale, offset)
        case .relu(.infinity, 0, 0): make(FERRY_ACTIVATION_RELU)
        case .relu(.infinity, let slope, 0): make(FERRY_ACTIVATION_LEAKY_RELU, slope)
        case .relu(let maximum, let slope, let threshold):
            // Outside this range, which Keras refuses, the kernel's formula means something else.
            threshold >= 0 && maximum >= threshold
                ? make(FERRY_ACTIVATION_RELU_GENERAL, maximum, slope, threshold) : nil
        case .thresholdedReLU(let threshold): make(FERRY_ACTIVATION_THRESHOLDED_RELU, threshold)
        case .tanh: make(FERRY_ACTIVATION_TANH)
        case .scaledTanh(let scale, let inner): make(FERRY_ACTIVATION_SCALED_TANH, scale, inner)
        case .sigmoid: make(FERRY_ACTIVATION_SIGMOID)
        case .hardSigmoid(let slope, let offset): make(FERRY_ACTIVATION_HARD_SIGMOID, slope, offset)
        case .logSigmoid: make(FERRY_ACTIVATION_LOG_SIGMOID)
        case .elu(let alpha): make(FERRY_ACTIVATION_ELU, alpha)
        case .selu: make(FERRY_ACTIVATION_SELU)
        case .celu(let alpha): make(FERRY_ACTIVATION_CELU, alpha)
        case .gelu(approximate: false): make(FERRY_ACTIVATION_GELU)
        case .gelu(approximate: true): make(FERRY_ACTIVATION_GELU_TANH)
        case .silu: make(FERRY_ACTIVATION_SILU)
        case .hardSilu: make(FERRY_ACTIVATION_HARD_SILU)
        case .mish: make(FERRY_ACTIVATION_MISH)
        case .softplus: make(FERRY_ACTIVATION_SOFTPLUS)
        case .softsign: make(FERRY_ACTIVATION_SOFTSIGN)
        case .exponential: make(FERRY_ACTIVATION_EXPONENTIAL)
        case .tanhShrink: make(FERRY_ACTIVATION_TANH_SHRINK)
        case .hardTanh: make(FERRY_ACTIVATION_HARD_TANH)
        case .hardShrink(let lambda): make(FERRY_ACTIVATION_HARD_SHRINK, lambda)
        case .softShrink(let lambda): make(FERRY_ACTIVATION_SOFT_SHRINK, lambda)
        case .threshold(let threshold, let value): make(FERRY_ACTIVATION_THRESHOLD, threshold, value)
        case .squareplus(let b): make(FERRY_ACTIVATION_SQUAREPLUS, b)
        case .sparsePlus: make(FERRY_ACTIVATION_SPARSE_PLUS)
        case .sparseSigmoid: make(FERRY_ACTIVATION_SPARSE_SIGMOID)
        case .softmax, .logSoftmax, .sparsemax: nil
        }
    }
}
