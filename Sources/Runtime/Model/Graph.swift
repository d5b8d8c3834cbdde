public import FerryEngine

/// Named nodes over named values, in an order in which they can be computed.
public struct Graph: Sendable {
    /// A value of one graph.
    public struct ValueID: Hashable, Sendable {
        let index: Int
    }

    /// An operator under a name; several nodes may call one layer, and then share its parameters.
    public struct Layer: Sendable {
        /// The name, unique in the graph.
        public var name: String
        /// What it computes.
        public var operation: any Operator
        /// Whether training changes its parameters.
        public var isTrainable = true
        /// The type of its outputs.
        public var dtype = DType.float32
        /// The type in which files store its parameters.
        public var parameterType = DType.float32
        /// The class that its file gives it, where Ferry knows no such class and the caller gave the operator.
        public var foreignClass: String?
        /// What training adds to the loss for the output.
        public var activityRegularizer: Regularizer?

        /// A layer from its parts.
        public init(_ name: String, _ operation: any Operator, isTrainable: Bool = true, dtype: DType = .float32) {
            self.name = name
            self.operation = operation
            self.isTrainable = isTrainable
            self.dtype = dtype
        }
    }

    /// Where the mask of a call's first input comes from.
    public enum MaskSource: Sendable, Hashable {
        /// It is the one that the input carries.
        case carried
        /// It is a value of its own, bool [batch, time].
        case given(ValueID)
        /// There is none, whatever the input carries.
        case dropped

        /// The same with the value, where it is one of its own, put through `transform`.
        package func map(_ transform: (ValueID) -> ValueID?) -> MaskSource {
            value.map { transform($0).map(Self.given) ?? .dropped } ?? self
        }

        /// The value, where it is one of its own.
        public var value: ValueID? { if case .given(let value) = self { value } else { nil } }
    }

    /// One call of a layer.
    public struct Node: Sendable {
        /// Which of ``Graph/layers``.
        public let layer: Int
        /// The inputs; nil where an optional one is left out.
        public let inputs: [ValueID?]
        /// Where the mask of the first input comes from.
        public let mask: MaskSource
        /// The outputs.
        public let outputs: [ValueID]
    }

    /// How a graph was put together; without influence on what it computes.
    public enum Structure: Sendable { case sequential, functional }

    /// How it was put together.
    public var structure = Structure.functional
    /// The layers, in the order in which they were added.
    public private(set) var layers: [Layer] = []
    /// The calls, each after those whose outputs it takes.
    public private(set) var nodes: [Node] = []
    /// The inputs, in the model's order.
    public private(set) var inputs: [ValueID] = []
    /// The outputs, in the model's order.
    public private(set) var outputs: [ValueID] = []
    /// The names of the outputs, as long as ``outputs``.
    public private(set) var outputNames: [String] = []
    /// Values that are known.
    public private(set) var constants: [ValueID: Tensor] = [:]
    private var names: [String] = []
    private var types: [ValueType] = []
    private var masked: Set<ValueID> = []
    private var layerNames: Set<String> = []

    /// A graph without nodes.
    public init() {}

    /// The name of a value, unique in the graph.
    public func name(of value: ValueID) -> String { names[value.index] }
    /// The type of a value.
    public func type(of value: ValueID) -> ValueType { types[value.index] }
    /// The number of values.
    public var valueCount: Int { types.count }
    /// The layer that a node calls.
    public func layer(of node: Node) -> Layer { layers[node.layer] }

    /// Adds an input.
    public mutating func addInput(_ name: String, _ type: ValueType) -> ValueID {
        let value = addValue(name, type)
        inputs.append(value)
        return value
    }

    /// Adds a value that is known.
    public mutating func addConstant(_ name: String, _ tensor: Tensor) -> ValueID {
        let value = addValue(name, ValueType(of: tensor))
        constants[value] = tensor
        return value
    }

    /// Adds a layer and gives its index; the name gets a number where another layer has it.
    public mutating func addLayer(_ layer: Layer) -> Int {
        var layer = layer
        layer.name = unique(layer.name, among: layerNames)
        layerNames.insert(layer.name)
        layers.append(layer)
        return layers.count - 1
    }

    /// Adds a call of a layer and gives its outputs.
    ///
    /// - Throws: a ``FerryError`` located at the layer where the inputs do not fit its operator.
    public mutating func call(
        layer index: Int, _ inputs: [ValueID?], mask: MaskSource = .carried, outputNames: [String]? = nil
    ) throws -> [ValueID] {
        let layer = layers[index]
        let outputs = try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            try check(inputs, fit: layer.operation.arity)
            if let mask = mask.value, type(of: mask).rank != 2 {
                throw FerryError(.shape, found: "a mask \(type(of: mask).shape)", expected: "[batch, time]")
            }
            let types = try layer.operation.outputTypes(for: Slots(inputs.map { $0.map(type(of:)) }))
            try RunLimits.checkKnown(types)
            return types
        }
        let values = outputs.enumerated().map { position, type in
            let typed = type.dtype == .float32 ? type.with(dtype: layer.dtype) : type
            let name = outputNames?[position] ?? (position == 0 ? layer.name : "\(layer.name):\(position)")
            return addValue(name, typed)
        }
        var carrying = inputs.map { $0.map(masked.contains) ?? false }
        if mask != .carried { carrying[0] = mask != .dropped }
        if let first = values.first, layer.operation.carriesMask(inputs: carrying) { masked.insert(first) }
        nodes.append(Node(layer: index, inputs: inputs, mask: mask, outputs: values))
        return values
    }

    /// Adds a layer and one call of it.
    public mutating func append(
        _ name: String, _ operation: any Operator, _ inputs: [ValueID?], outputNames: [String]? = nil
    ) throws -> [ValueID] {
        try call(layer: addLayer(Layer(name, operation)), inputs, outputNames: outputNames)
    }

    /// Says what comes out; names that repeat get a number, as in Keras.
    public mutating func setOutputs(_ values: [ValueID], names: [String]) {
        outputs = values
        outputNames = []
        for name in names { outputNames.append(unique(name, among: outputNames)) }
    }

    /// The parameters of every layer, by `layer/parameter`, with the types of the first call of each.
    public func parameterSpecs() throws -> [ParameterSpec] {
        var seen = Set<Int>()
        return try nodes.filter { seen.insert($0.layer).inserted }.flatMap { node in
            try parameterSpecs(of: node).map { $0.scoped(to: layer(of: node).name) }
        }
    }

    /// The parameters of the layer that a node calls, under their names inside it.
    public func parameterSpecs(of node: Node) throws -> [ParameterSpec] {
        let layer = layer(of: node)
        return try locating("layer '\(layer.name)' (\(layer.operation.kind))") {
            try layer.operation.parameterSpecs(for: Slots(node.inputs.map { $0.map(type(of:)) })).map { spec in
                var spec = spec
                spec.isTrainable = spec.isTrainable && layer.isTrainable
                return spec
            }
        }
    }

    /// Whether a layer remembers something from one call to the next.
    public var isStateful: Bool { layers.contains { $0.operation.isStateful } }

    /// Puts another operator in the place of a layer's; its outputs must be of the same types.
    public mutating func replaceOperation(ofLayer index: Int, by operation: any Operator) {
        layers[index].operation = operation
    }

    /// The same graph with the layers listed in another order.
    package func orderingLayers(_ order: [Int]) -> Graph {
        var copy = self
        copy.layers = order.map { layers[$0] }
        var places = [Int](repeating: 0, count: layers.count)
        for (place, layer) in order.enumerated() { places[layer] = place }
        copy.nodes = nodes.map { Node(layer: places[$0.layer], inputs: $0.inputs, mask: $0.mask, outputs: $0.outputs) }
        return copy
    }

    /// Makes `values`, which are inputs already, the inputs in this order.
    public mutating func setInputs(_ values: [ValueID]) { inputs = values }

    /// Checks that all values come from somewhere: inputs, constants and calls further up.
    ///
    /// - Throws: ``FerryError/Code/disconnected`` located at the layer that takes another.
    package func requireSources() throws {
        var known = Set(inputs).union(constants.keys)
        for node in nodes {
            for value in (node.inputs + [node.mask.value]).compactMap({ $0 }) where !known.contains(value) {
                throw FerryError(
                    .disconnected, at: ["layer '\(layer(of: node).name)'"],
                    found: "takes '\(name(of: value))', which is no input of the model and comes out of no layer before"
                )
            }
            known.formUnion(node.outputs)
        }
        for value in outputs where !known.contains(value) {
            throw FerryError(
                .disconnected, at: ["output '\(name(of: value))'"],
                found: "is no input of the model and comes out of no layer")
        }
    }

    /// The graph without the calls that no output depends on, and without the layers that nobody then calls.
    public func withoutUnusedNodes() -> Graph {
        var needed = Set(outputs)
        var kept: [Node] = []
        for node in nodes.reversed() where node.outputs.contains(where: needed.contains) {
            needed.formUnion((node.inputs + [node.mask.value]).compactMap { $0 })
            kept.append(node)
        }
        let called = Set(kept.map(\.layer))
        var copy = self
        var places: [Int] = []
        copy.layers = []
        copy.layerNames = []
        for (index, layer) in layers.enumerated() {
            places.append(copy.layers.count)
            guard called.contains(index) else { continue }
            copy.layers.append(layer)
            copy.layerNames.insert(layer.name)
        }
        copy.nodes = kept.reversed().map { node in
            Node(layer: places[node.layer], inputs: node.inputs, mask: node.mask, outputs: node.outputs)
        }
        return copy
    }

    /// Whether a value carries a mask when the graph runs, if none of its inputs does.
    public func carriesMask(_ value: ValueID) -> Bool { masked.contains(value) }

    private func check(_ inputs: [ValueID?], fit arity: ClosedRange<Int>) throws {
        let required = inputs.prefix(arity.lowerBound)
        guard arity.contains(inputs.count), required.allSatisfy({ $0 != nil }) else {
            let expected = arity.lowerBound == arity.upperBound ? "\(arity.lowerBound)" : "\(arity)"
            throw FerryError(.shape, found: "has \(inputs.count) inputs", expected: "\(expected) of them")
        }
    }

    private mutating func addValue(_ name: String, _ type: ValueType) -> ValueID {
        names.append(name)
        types.append(type)
        return ValueID(index: types.count - 1)
    }
}

/// `name`, or `name_1`, `name_2` … where it is taken.
func unique(_ name: String, among taken: some Sequence<String>) -> String {
    let taken = taken as? Set<String> ?? Set(taken)
    guard taken.contains(name) else { return name }
    var number = 1
    while taken.contains("\(name)_\(number)") { number += 1 }
    return "\(name)_\(number)"
}

extension FerryError.Code {
    /// A value that nothing in a graph gives.
    public static let disconnected = Self("disconnected")
}
