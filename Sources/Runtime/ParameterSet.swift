public import FerryEngine
public import OrderedCollections

/// Tensors by name, in a fixed order: the weights of a layer or of a whole model, their gradients, or an optimiser's
/// moments.
///
/// The names of a layer inside another are paths: `bidirectional/forward/kernel`.
public struct ParameterSet: Sendable, Equatable {
    private var tensors: OrderedDictionary<String, Tensor>

    /// No parameters.
    public init() { tensors = [:] }

    /// Parameters in the given order.
    public init(_ tensors: OrderedDictionary<String, Tensor>) { self.tensors = tensors }

    /// The names, in order.
    public var names: [String] { Array(tensors.keys) }

    /// The number of elements of all tensors.
    public var elementCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

    /// The tensor called `name`.
    public subscript(name: String) -> Tensor? {
        get { tensors[name] }
        set { tensors[name] = newValue }
    }

    /// The tensor called `name`.
    ///
    /// - Throws: ``FerryError/Code/missingParameter``.
    public func required(_ name: String) throws -> Tensor {
        guard let tensor = tensors[name] else {
            throw FerryError(.missingParameter, found: "no parameter '\(name)'", expected: "one of \(names)")
        }
        return tensor
    }

    /// The parameters of the layer `scope`, under the names they have there.
    public func scoped(to scope: String) -> ParameterSet {
        let prefix = scope + "/"
        var result = ParameterSet()
        for (name, tensor) in tensors where name.hasPrefix(prefix) {
            result[String(name.dropFirst(prefix.count))] = tensor
        }
        return result
    }

    /// Adds the parameters of a layer inside this one.
    public mutating func merge(_ inner: ParameterSet, scope: String) {
        for (name, tensor) in inner.tensors { tensors["\(scope)/\(name)"] = tensor }
    }
}

extension FerryError.Code {
    /// A layer's parameter that nobody supplied.
    public static let missingParameter = Self("missingParameter")
}
