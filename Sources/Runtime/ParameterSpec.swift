/// What a layer must be given: one tensor, its shape and how it is made, held small and kept in bounds in training.
public struct ParameterSpec: Sendable {
    /// The name inside the layer, as Keras has it.
    public var name: String
    /// The length of each axis.
    public var shape: [Int]
    /// Whether training changes it; false for moving statistics.
    public var isTrainable: Bool
    /// How it is made and held.
    public var policy: ParameterPolicy

    /// A parameter from its parts.
    public init(_ name: String, _ shape: [Int], isTrainable: Bool = true, policy: ParameterPolicy = .init(.zeros)) {
        self.name = name
        self.shape = shape
        self.isTrainable = isTrainable
        self.policy = policy
    }

    /// The parameter as seen from outside the layer `scope`, which may be frozen.
    public func scoped(to scope: String, isTrained: Bool = true) -> ParameterSpec {
        var copy = self
        copy.name = "\(scope)/\(name)"
        copy.isTrainable = isTrainable && isTrained
        return copy
    }
}

/// How a parameter is initialised, regularised and constrained.
public struct ParameterPolicy: Sendable, Hashable {
    /// How the first values are drawn.
    public var initializer: Initializer
    /// What training adds to the loss for it.
    public var regularizer: Regularizer?
    /// What training projects it onto after every update.
    public var constraint: Constraint?

    /// A policy from its parts.
    public init(_ initializer: Initializer, regularizer: Regularizer? = nil, constraint: Constraint? = nil) {
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
    }
}

/// A penalty on the size of a parameter, added to the loss.
public enum Regularizer: Sendable, Hashable {
    /// l1 · Σ|w| + l2 · Σw²
    case l1l2(l1: Double, l2: Double)
    /// factor · the mean squared cosine (or `columns`: of columns) between different rows (Keras `OrthogonalRegularizer`)
    case orthogonal(factor: Double, columns: Bool)
}

/// A set that a parameter is projected onto after each update.
public enum Constraint: Sendable, Hashable {
    /// Norm along `axes` at most `maximum`.
    case maxNorm(maximum: Double, axes: [Int])
    /// No negative element.
    case nonNegative
    /// Norm 1 along `axes`.
    case unitNorm(axes: [Int])
    /// Norm along `axes` between `minimum` and `maximum`, approached at `rate`.
    case minMaxNorm(minimum: Double, maximum: Double, rate: Double, axes: [Int])
}
