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

    /// The number of elements of the tensors of each layer.
    func elementCounts(ofLayers names: [String]) -> [Int] {
        let layers = Set(names.map { $0[...] })
        var counts: [Substring: Int] = [:]
        for (name, tensor) in tensors {
            for end in name.indices where name[end] == "/" && layers.contains(name[..<end]) {
                counts[name[..<end], default: 0] += tensor.count
            }
        }
        return names.map { counts[$0[...]] ?? 0 }
    }

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

    /// Calls `body` with the elements of the float32 tensor called `name`, in place; nothing happens where there is none.
    mutating func change(_ name: String, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
        guard let index = tensors.index(forKey: name) else { return }
        tensors.values[index].withUnsafeMutableElements(body)
    }

    /// Takes the elements of a tensor out, leaving its name with an empty one in its place.
    mutating func remove(_ name: String) -> Tensor? {
        guard let index = tensors.index(forKey: name) else { return nil }
        var taken = Tensor(zeros: [0])
        swap(&taken, &tensors.values[index])
        return taken
    }

    /// Puts a tensor under `name`.
    mutating func put(_ tensor: Tensor, at name: String) { tensors[name] = tensor }

    /// The same names with other tensors.
    package func mapTensors(_ transform: (Tensor) throws -> Tensor) rethrows -> ParameterSet {
        ParameterSet(try tensors.mapValues(transform))
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
