package import FerryEngine

/// A graph and its parameters while passes rewrite them.
package struct GraphDraft {
    /// One call of a layer.
    package struct Node: Sendable {
        /// The layer; nodes that share one have equal names and parameters here.
        package var layer: Graph.Layer
        /// The layer's parameters, under the names that they have inside it.
        package var parameters: ParameterSet
        package var inputs: [Graph.ValueID?]
        package var mask: Graph.MaskSource
        package var outputs: [Graph.ValueID]
        /// Whether the mask that the first input carries was recognised as the one that the node was given.
        package var isMasked = false
    }

    /// The calls, each after those whose outputs it takes.
    package private(set) var nodes: [Node]
    /// Values that are known.
    package private(set) var constants: [Graph.ValueID: Tensor]
    /// The inputs, in the model's order.
    package private(set) var inputs: [Graph.ValueID]
    /// The outputs, in the model's order.
    package private(set) var outputs: [Graph.ValueID]
    private var outputNames: [String]
    private let structure: Graph.Structure
    /// How many elements more may be computed beforehand: some, and many times what the file holds.
    private(set) var roomForConstants: Int
    /// What passes did so far.
    var lifted = LiftReport()
    /// The mask of nodes that are made.
    private var freshMask = Graph.MaskSource.carried
    private var names: [String]
    private var types: [ValueType]
    private var producers: [Graph.ValueID: Int] = [:]
    private var readers: [Graph.ValueID: [Int]] = [:]

    /// A draft that equals `graph`.
    package init(_ graph: Graph, _ parameters: ParameterSet) {
        let values = (0..<graph.valueCount).map { Graph.ValueID(index: $0) }
        nodes = graph.nodes.map { node in
            Node(
                layer: graph.layer(of: node), parameters: parameters.scoped(to: graph.layer(of: node).name),
                inputs: node.inputs, mask: node.mask, outputs: node.outputs)
        }
        constants = graph.constants
        roomForConstants = (1 << 24) + 16 * graph.constants.values.reduce(0) { $0 + $1.count }
        inputs = graph.inputs
        outputs = graph.outputs
        outputNames = graph.outputNames
        structure = graph.structure
        names = values.map(graph.name(of:))
        types = values.map(graph.type(of:))
        index()
    }

    /// The graph and its parameters, with only the constants that are read.
    ///
    /// - Throws: ``FerryError`` located at the layer whose inputs do not fit it.
    package func finished() throws -> (Graph, ParameterSet) {
        var graph = Graph()
        graph.structure = structure
        var values: [Graph.ValueID: Graph.ValueID] = [:]
        for input in inputs { values[input] = graph.addInput(names[input.index], types[input.index]) }
        let read = Set(nodes.flatMap { $0.inputs + [$0.mask.value] }.compactMap { $0 } + outputs)
        for value in constants.keys.filter(read.contains).sorted(by: { $0.index < $1.index }) {
            values[value] = constants[value].map { graph.addConstant(names[value.index], $0) }
        }
        var layers: [String: Int] = [:]
        var parameters = ParameterSet()
        for node in nodes {
            let layer = layers[node.layer.name] ?? graph.addLayer(node.layer)
            layers[node.layer.name] = layer
            parameters.merge(node.parameters, scope: graph.layers[layer].name)
            let results = try graph.call(
                layer: layer, node.inputs.map { $0.flatMap { values[$0] } }, mask: node.mask.map { values[$0] },
                outputNames: node.outputs.map { names[$0.index] })
            for (old, new) in zip(node.outputs, results) { values[old] = new }
        }
        graph.setOutputs(outputs.compactMap { values[$0] }, names: outputNames)
        return (graph, parameters)
    }

    // MARK: Looking

    /// The type of a value.
    package func type(of value: Graph.ValueID) -> ValueType { types[value.index] }
    /// The name of a value.
    package func name(of value: Graph.ValueID) -> String { names[value.index] }
    /// The node that computes a value; nil for inputs and constants.
    package func producer(of value: Graph.ValueID?) -> Int? { value.flatMap { producers[$0] } }
    /// The nodes that read a value, once for each time they do.
    package func readers(of value: Graph.ValueID) -> [Int] { readers[value] ?? [] }
    /// Whether a value comes out of the graph.
    package func isOutput(_ value: Graph.ValueID) -> Bool { outputs.contains(value) }
    /// Whether nobody reads a value.
    package func isUnused(_ value: Graph.ValueID) -> Bool { readers(of: value).isEmpty && !isOutput(value) }
    /// The elements of a value that is known.
    package func constant(_ value: Graph.ValueID?) -> Tensor? { value.flatMap { constants[$0] } }

    /// The node that computes a value which nothing else reads, where its operator is of the given kind.
    package func exclusive<Operation: Operator>(
        _ value: Graph.ValueID?, _ type: Operation.Type
    ) -> (index: Int, operation: Operation)? {
        guard let value, readers(of: value).count == 1, !isOutput(value) else { return nil }
        return producer(of: value, type)
    }

    /// The node that computes a value, where its operator is of the given kind.
    package func producer<Operation: Operator>(
        of value: Graph.ValueID?, _ type: Operation.Type
    ) -> (index: Int, operation: Operation)? {
        guard let index = producer(of: value), let operation = nodes[index].layer.operation as? Operation else {
            return nil
        }
        return (index, operation)
    }

    /// Whether two nodes call layers of their own that no other node calls.
    package func ownsLayer(_ index: Int) -> Bool { ownsLayer(nodes[index]) }

    func ownsLayer(_ node: Node) -> Bool { nodes.count { $0.layer.name == node.layer.name } == 1 }

    // MARK: Changing

    /// Says what a value is that was not known.
    package mutating func bind(_ value: Graph.ValueID, to tensor: Tensor) {
        constants[value] = tensor
        types[value.index] = ValueType(of: tensor)
    }

    /// Lets layers compute something else with outputs of the same types.
    package mutating func replaceOperations(_ change: (inout Node) throws -> Void) rethrows {
        for index in nodes.indices { try change(&nodes[index]) }
    }

    /// Lets a node have the mask of its first input.
    package mutating func setMask(of index: Int, _ mask: Graph.MaskSource) {
        nodes[index].isMasked = nodes[index].mask.value != nil && mask == .carried
        nodes[index].mask = mask
        self.index()
    }

    /// Lets every Embedding of `ids` mask those that are 0.
    package mutating func maskZeros(of ids: Graph.ValueID) {
        for index in nodes.indices where nodes[index].inputs.first == ids {
            guard var embedding = nodes[index].layer.operation as? Embedding else { continue }
            embedding.maskZero = true
            nodes[index].layer.operation = embedding
        }
    }

    /// Lets no layer but those with a mask of their own use one, because a layer that carries one is to come.
    package mutating func dropCarriedMasks() {
        freshMask = .dropped
        for index in nodes.indices where nodes[index].mask == .carried { nodes[index].mask = .dropped }
    }

    /// Adds an input behind the others.
    mutating func addInput(_ name: String, _ type: ValueType) -> Graph.ValueID {
        let value = addValue(name, type)
        inputs.append(value)
        return value
    }

    /// Lets a value come out behind the others.
    mutating func addOutput(_ name: String, _ value: Graph.ValueID) {
        outputs.append(value)
        outputNames.append(name)
    }

    /// Adds a constant.
    package mutating func addConstant(_ name: String, _ tensor: Tensor) -> Graph.ValueID {
        let value = addValue(name, ValueType(of: tensor))
        constants[value] = tensor
        return value
    }

    /// A node, not yet in the graph, that calls a new layer; values that are nil among its outputs are made.
    package mutating func makeNode(
        _ name: String, _ operation: any Operator, _ inputs: [Graph.ValueID?], outputs: [Graph.ValueID?] = [],
        parameters: ParameterSet = .init()
    ) throws -> Node {
        let results = try operation.outputTypes(for: Slots(inputs.map { $0.map(type(of:)) }))
        let values = results.enumerated().map { position, type in
            if position < outputs.count, let given = outputs[position] {
                types[given.index] = type
                return given
            }
            return addValue("\(name):\(position)", type)
        }
        return Node(
            layer: Graph.Layer(name, operation), parameters: parameters, inputs: inputs, mask: freshMask,
            outputs: values
        )
    }

    /// Puts nodes in place of others, where the last of these stood; a name that others have gets a number.
    package mutating func replace(_ old: Set<Int>, with new: [Node]) {
        guard let last = old.max() else { return }
        let rest = nodes.enumerated().filter { !old.contains($0.offset) }
        let place = rest.count { $0.offset < last }
        nodes = rest.map(\.element)
        var taken = Set(nodes.map(\.layer.name))
        let named = new.map { node in
            var node = node
            node.layer.name = unique(node.layer.name, among: taken)
            taken.insert(node.layer.name)
            return node
        }
        nodes.insert(contentsOf: named, at: place)
        index()
    }

    /// Adds nodes, and puts all in an order in which they can be computed.
    package mutating func insert(_ new: [Node]) {
        for var node in new {
            node.layer.name = unique(node.layer.name, among: nodes.map(\.layer.name))
            nodes.append(node)
        }
        index()
        var ordered: [Node] = []
        var visited = [Bool](repeating: false, count: nodes.count)
        // What waits for its inputs, the next one last; no recursion, because chains of nodes may be long.
        for start in nodes.indices {
            var stack = [start]
            while let current = stack.last {
                let waiting = (nodes[current].inputs + [nodes[current].mask.value]).compactMap { $0 }
                    .compactMap { producers[$0] }.filter { !visited[$0] && $0 != current }
                if visited[current] || waiting.isEmpty {
                    stack.removeLast()
                    if !visited[current] { ordered.append(nodes[current]) }
                    visited[current] = true
                } else {
                    stack.append(contentsOf: waiting)
                }
            }
        }
        nodes = ordered
        index()
    }

    /// The graph that computes some values from the inputs.
    func part(computing values: [Graph.ValueID]) throws -> (Graph, ParameterSet) {
        var part = self
        part.outputs = values
        part.outputNames = values.indices.map { "\($0)" }
        part.removeDeadNodes()
        return try part.finished()
    }

    /// Lets everybody who reads `old` read `new`.
    package mutating func redirect(_ old: Graph.ValueID, to new: Graph.ValueID) {
        for node in readers(of: old) {
            nodes[node].inputs = nodes[node].inputs.map { $0 == old ? new : $0 }
            if nodes[node].mask == .given(old) { nodes[node].mask = .given(new) }
        }
        outputs = outputs.map { $0 == old ? new : $0 }
        index()
    }

    /// Gives the value of a node that is known as a constant.
    package mutating func fold(_ index: Int, to tensors: [Tensor]) {
        for (value, tensor) in zip(nodes[index].outputs, tensors) {
            constants[value] = tensor
            roomForConstants -= tensor.count
            types[value.index] = ValueType(of: tensor)
        }
        replace([index], with: [])
        self.index()
    }

    /// Finds lengths of axes that were open before the nodes in front were simplified.
    package mutating func refineTypes() {
        for node in nodes {
            guard let found = try? node.layer.operation.outputTypes(for: Slots(node.inputs.map { $0.map(type(of:)) }))
            else {
                continue
            }
            for (value, type) in zip(node.outputs, found) where type.rank == types[value.index].rank {
                let known = types[value.index].shape
                types[value.index].shape = zip(known, type.shape).map { $0 == .unknown ? $1 : $0 }
            }
        }
    }

    /// Drops the nodes whose outputs nobody reads.
    package mutating func removeDeadNodes() {
        var needed = Set(outputs)
        var kept: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion((node.inputs + [node.mask.value]).compactMap { $0 })
            kept.append(node)
        }
        guard kept.count != nodes.count else { return }
        nodes = kept.reversed()
        index()
    }

    /// Gives layers shorter names where nobody else has or wants them; of several, the one that has parameters gets it.
    ///
    /// - Parameter shorten: the shorter form of a path; nil where it has none.
    package mutating func shortenNames(_ shorten: ([String]) -> String?) {
        let names = Set(nodes.map(\.layer.name))
        let withParameters = Set(nodes.filter { !$0.parameters.names.isEmpty }.map(\.layer.name))
        var claims: [String: [String]] = [:]
        for name in names {
            claims[shorten(name.split(separator: "/").map(String.init)) ?? name, default: []].append(name)
        }
        var shorter: [String: String] = [:]
        for (short, claimants) in claims where !names.contains(short) {
            let preferred = claimants.filter(withParameters.contains)
            if claimants.count == 1 { shorter[claimants[0]] = short }
            if claimants.count > 1, preferred.count == 1 { shorter[preferred[0]] = short }
        }
        for index in nodes.indices {
            if let name = shorter[nodes[index].layer.name] { nodes[index].layer.name = name }
        }
    }

    /// Gives every layer the name that `rename` makes of its own, with a number where another has it.
    package mutating func renameLayers(_ rename: (String) -> String) {
        var names: [String: String] = [:]
        var taken = Set<String>()
        for index in nodes.indices {
            let old = nodes[index].layer.name
            let new = names[old] ?? unique(rename(old), among: taken)
            names[old] = new
            taken.insert(new)
            nodes[index].layer.name = new
        }
    }

    private mutating func addValue(_ name: String, _ type: ValueType) -> Graph.ValueID {
        names.append(name)
        types.append(type)
        return Graph.ValueID(index: types.count - 1)
    }

    private mutating func index() {
        producers = [:]
        readers = [:]
        for (position, node) in nodes.enumerated() {
            for value in node.outputs { producers[value] = position }
            for value in (node.inputs + [node.mask.value]).compactMap({ $0 }) {
                readers[value, default: []].append(position)
            }
        }
    }
}
