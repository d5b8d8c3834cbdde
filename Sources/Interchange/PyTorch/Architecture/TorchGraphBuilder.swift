import FerryEngine
import FerryRuntime

/// Collects the layers of a description and makes a graph of them.
///
/// Convolutions run with the features last, as Keras has them; the axes change places around a run of such layers only.
struct TorchGraphBuilder {
    /// Whether a layer of the description runs over time, so that an input of feature vectors is a sequence.
    let isSequence: Bool
    private var input: (name: String, type: ValueType)?
    private var layers: [(name: String, operation: any Operator, constant: Tensor?)] = []
    private var output: ValueType?
    /// Whether PyTorch's value is [batch, features, …] while this one is [batch, …, features].
    private(set) var hasFeaturesLast = false

    init(isSequence: Bool) { self.isSequence = isSequence }

    /// The type of what the layers so far put out; nil before the input is known.
    var type: ValueType? { output }

    /// Says what comes in, where no layer before did.
    mutating func begin(_ shape: [Dimension], dtype: DType = .float32, name: String = "input") {
        guard input == nil else { return }
        input = (name, ValueType(dtype, shape))
        output = input?.type
    }

    /// The length of the features of the next layer: the `given` one, which must be that of the layers before.
    func features(_ given: Int?) throws -> Int {
        guard let output else {
            guard let given else {
                throw FerryError(.missingKey, found: "no 'in'", expected: "the number of features, in=NUMBER")
            }
            return given
        }
        guard let known = output.shape.last?.length ?? given else {
            throw FerryError(.shape, found: "input \(output.shape)", expected: "a fixed number of features")
        }
        guard given == nil || given == known else {
            throw FerryError(.shape, found: "in=\(given ?? 0)", expected: "\(known), which the layer before puts out")
        }
        return known
    }

    /// Adds a layer that does not care where the features are.
    ///
    /// - Parameter constant: its second input, where it takes one.
    mutating func append(_ operation: any Operator, name: String, constant: Tensor? = nil) throws {
        guard let output else {
            throw FerryError(.shape, found: "nothing before it", expected: "a layer with in=NUMBER, or 'input:…'")
        }
        // Axes that change places and back again need not change at all.
        if let swap = operation as? Permute, let last = layers.last?.operation as? Permute, swap == last,
            swap.axes == Permute.swap.axes
        {
            layers.removeLast()
            try recompute()
            return
        }
        self.output = try operation.outputTypes(
            for: Slots([output] + [constant].compactMap { $0.map { ValueType(of: $0) } }))[0]
        layers.append((name, operation, constant))
    }

    /// Adds a layer that reads the axes as PyTorch has them.
    mutating func appendInOrder(_ operation: any Operator, name: String, constant: Tensor? = nil) throws {
        try restoreOrder()
        try append(operation, name: name, constant: constant)
    }

    /// Brings [batch, features, …] to [batch, …, features], where it is not so already.
    mutating func putFeaturesLast() throws {
        guard let output, !hasFeaturesLast, output.rank > 2 else { return }
        try append(Permute(axes: Array(2..<output.rank) + [1]), name: "permute")
        hasFeaturesLast = true
    }

    /// Swaps the two axes behind the batch.
    mutating func swapAxes() throws {
        guard let output, output.rank == 3 else {
            throw FerryError(.shape, found: "input \(output?.shape ?? [])", expected: "[batch, …, …]")
        }
        if hasFeaturesLast { hasFeaturesLast = false } else { try append(Permute.swap, name: "permute") }
    }

    /// Changes the layer just added; nil where it is of another kind.
    mutating func changeLast(_ change: (any Operator) -> (any Operator)?) throws -> Bool {
        guard let last = layers.last, let changed = change(last.operation) else { return false }
        layers[layers.count - 1].operation = changed
        try recompute()
        return true
    }

    /// The graph of all layers.
    func graph() throws -> Graph {
        var copy = self
        try copy.restoreOrder()
        guard let input = copy.input else { throw FerryError(.shape, found: "no layers") }
        var graph = Graph()
        graph.structure = copy.layers.allSatisfy { $0.operation is any KerasLayer } ? .sequential : .functional
        var value = graph.addInput(input.name, input.type)
        for (name, operation, constant) in copy.layers {
            let second = constant.map { graph.addConstant("\(name)/constant", $0) }
            value = try graph.append(name, operation, second.map { [value, $0] } ?? [value])[0]
        }
        graph.setOutputs([value], names: [graph.layers.last?.name ?? "output"])
        return graph
    }

    /// Brings the axes into PyTorch's order, where they are not.
    mutating func restoreOrder() throws {
        guard hasFeaturesLast, let output else { return }
        hasFeaturesLast = false
        try append(Permute(axes: [output.rank - 1] + Array(1..<(output.rank - 1))), name: "permute")
    }

    private mutating func recompute() throws {
        output = try layers.reduce(input?.type) { type, layer in
            try type.map { type in
                let inputs = [type] + [layer.constant].compactMap { $0.map { ValueType(of: $0) } }
                return try layer.operation.outputTypes(for: Slots(inputs))[0]
            }
        }
    }
}

extension Permute {
    /// [batch, a, b] to [batch, b, a].
    static let swap = Permute(axes: [2, 1])
}
