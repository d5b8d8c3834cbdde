package import FerryEngine

/// A function as the attributes of ONNX's LSTM, GRU and RNN spell it.
package struct ONNXActivation: Sendable, Hashable {
    /// The name in `activations`; ONNX Runtime ignores its case.
    package var name: String
    /// The next value of `activation_alpha`, which only functions that take one consume.
    package var alpha: Float?
    /// The next value of `activation_beta`, which only functions that take one consume.
    package var beta: Float?

    /// A function from its parts.
    package init(_ name: String, alpha: Float? = nil, beta: Float? = nil) {
        self.name = name
        self.alpha = alpha
        self.beta = beta
    }
}

extension ONNXActivation {
    /// Which of the two lists a function takes a value from, and the values that it has where a list has run out.
    package struct Arguments: Sendable {
        package let alpha: Float?
        package let beta: Float?
        /// Whether the operators' texts say nothing of the values, so that runtimes disagree.
        package let isUnspecified: Bool
    }

    /// Every function that the operators know, by its name in lower case, with its arguments.
    package static let arguments: [String: Arguments] = [
        "relu": Arguments(alpha: nil, beta: nil, isUnspecified: false),
        "tanh": Arguments(alpha: nil, beta: nil, isUnspecified: false),
        "sigmoid": Arguments(alpha: nil, beta: nil, isUnspecified: false),
        "softsign": Arguments(alpha: nil, beta: nil, isUnspecified: false),
        "softplus": Arguments(alpha: nil, beta: nil, isUnspecified: false),
        "leakyrelu": Arguments(alpha: 0.01, beta: nil, isUnspecified: false),
        "elu": Arguments(alpha: 1, beta: nil, isUnspecified: false),
        "hardsigmoid": Arguments(alpha: 0.2, beta: 0.5, isUnspecified: false),
        // ONNX Runtime's values (rnn_helpers.cc); the operators' texts name none.
        "thresholdedrelu": Arguments(alpha: 0, beta: nil, isUnspecified: true),
        "affine": Arguments(alpha: 0, beta: 0, isUnspecified: true),
        "scaledtanh": Arguments(alpha: 0, beta: 0, isUnspecified: true),
    ]
}

extension ActivationFunction {
    /// The function as ONNX's recurrent operators have it, all arguments spelled out; nil where they lack it.
    package var onnxRecurrent: ONNXActivation? {
        switch self {
        case .linear: ONNXActivation("Affine", alpha: 1, beta: 0)
        case .affine(let scale, let offset): ONNXActivation("Affine", alpha: scale, beta: offset)
        case .relu(.infinity, 0, 0): ONNXActivation("Relu")
        case .relu(.infinity, let slope, 0): ONNXActivation("LeakyRelu", alpha: slope)
        case .thresholdedReLU(let threshold): ONNXActivation("ThresholdedRelu", alpha: threshold)
        case .tanh: ONNXActivation("Tanh")
        case .scaledTanh(let scale, let inner): ONNXActivation("ScaledTanh", alpha: scale, beta: inner)
        case .sigmoid: ONNXActivation("Sigmoid")
        case .hardSigmoid(let slope, let offset): ONNXActivation("HardSigmoid", alpha: slope, beta: offset)
        case .elu(let alpha): ONNXActivation("Elu", alpha: alpha)
        case .softsign: ONNXActivation("Softsign")
        case .softplus: ONNXActivation("Softplus")
        default: nil
        }
    }

    /// The function that ONNX's recurrent operators mean; arguments that are nil take their defaults.
    ///
    /// Nil where the name is none of theirs.
    package init?(onnxRecurrent activation: ONNXActivation) {
        let name = activation.name.lowercased()
        guard let defaults = ONNXActivation.arguments[name] else { return nil }
        let alpha = activation.alpha ?? defaults.alpha ?? 0
        let beta = activation.beta ?? defaults.beta ?? 0
        switch name {
        case "relu": self = .relu
        case "tanh": self = .tanh
        case "sigmoid": self = .sigmoid
        case "softsign": self = .softsign
        case "softplus": self = .softplus
        case "leakyrelu": self = .relu(slope: alpha)
        case "elu": self = .elu(alpha: alpha)
        case "hardsigmoid": self = .hardSigmoid(slope: alpha, offset: beta)
        case "thresholdedrelu": self = .thresholdedReLU(threshold: alpha)
        case "affine": self = alpha == 1 && beta == 0 ? .linear : .affine(scale: alpha, offset: beta)
        case "scaledtanh": self = .scaledTanh(scale: alpha, inner: beta)
        default: return nil
        }
    }
}
