import FerryEngine
import FerryRuntime

extension Model {
    /// The model with masks given by hand to the calls for which Keras 3 would have none, or another; unchanged where
    /// there are no such calls, or not all of them can be given one.
    ///
    /// Keras 3 hands no mask on beside initial states, and joins masks by another rule than Keras 2. It also gives the
    /// operations that make its masks names without a look at the names that layers have, and then refuses the model.
    func givingMasksByHand() throws -> Model {
        guard self.graph.nodes.contains(where: { $0.outputs.contains(where: self.graph.carriesMask) }) else {
            return self
        }
        var calls = KerasMasksByHand(graph, parameters)
        guard try calls.giveAll() else { return self }
        var (graph, parameters) = try calls.draft.finished()
        // The operations that make masks are branches.
        graph.structure = .functional
        return try Model(name: name, graph: graph, parameters: parameters, metadata: metadata)
    }
}

/// Finds the calls whose masks Keras 3 would not hand on as they are, and gives them these masks.
private struct KerasMasksByHand {
    private let graph: Graph
    private(set) var draft: GraphDraft
    /// The values that would carry another mask in Keras 3, or none.
    private var differing: Set<Graph.ValueID> = []
    /// The values whose layers made the masks that values carry.
    private let origins: [Graph.ValueID: Graph.ValueID]
    /// The masks of values, as far as they are computed.
    private var masks: [Graph.ValueID: Graph.ValueID] = [:]
    private var computations: [GraphDraft.Node] = []
    /// Whether Keras's own masks would meet layers of their names, so that every call is given its mask.
    private let namesCollide: Bool

    init(_ graph: Graph, _ parameters: ParameterSet) {
        self.graph = graph
        draft = GraphDraft(graph, parameters)
        namesCollide = graph.hasNamesOfKerasMasks
        origins = graph.maskOrigins()
    }

    /// Gives every call that needs it its mask; false where there is none, or where one cannot be computed.
    mutating func giveAll() throws -> Bool {
        for (index, node) in graph.nodes.enumerated() {
            guard node.mask == .carried, node.inputs.contains(where: { $0.map(graph.carriesMask) ?? false }) else {
                continue
            }
            guard try look(at: node, index) else { return false }
        }
        guard !computations.isEmpty || !differing.isEmpty else { return false }
        draft.replaceOperations { node in
            if var merge = node.layer.operation as? Merge, differing.contains(node.outputs[0]) {
                merge.maskMerge = .any
                node.layer.operation = merge
            }
            if var concatenate = node.layer.operation as? Concatenate, differing.contains(node.outputs[0]) {
                concatenate.maskMerge = .any
                node.layer.operation = concatenate
            }
        }
        draft.insert(computations)
        return true
    }

    private mutating func look(at node: Graph.Node, _ index: Int) throws -> Bool {
        let operation = graph.layer(of: node).operation
        let isDifferent = node.inputs.contains { $0.map(differing.contains) ?? false }
        if let rule = operation.joinRule {
            let sources = Set(node.inputs.compactMap { $0 }.map { origins[$0] })
            guard isDifferent || rule == .all && sources.count > 1 else { return true }
            // The other functions of Keras 3 skip masked steps.
            guard [nil, .add, .subtract, .average].contains((operation as? Merge)?.function) else { return false }
            differing.insert(node.outputs[0])
            return true
        }
        let losesMask = operation.isRecurrent && node.inputs.count > 1
        guard isDifferent || losesMask || namesCollide else { return true }
        if operation.takesMaskByHand {
            guard let mask = try node.inputs[0].flatMap({ try self.mask(of: $0) }) else { return false }
            draft.setMask(of: index, .given(mask))
        } else if isDifferent, !operation.leavesMaskAlone {
            return false
        }
        if isDifferent || losesMask, graph.carriesMask(node.outputs[0]) { differing.insert(node.outputs[0]) }
        return true
    }

    /// The mask that a value carries, as a value of its own, bool [batch, time]; nil also behind too many joints.
    private mutating func mask(of value: Graph.ValueID, joints: Int = 64) throws -> Graph.ValueID? {
        // Past the layers that hand on what they are given; no recursion, because chains of layers may be long.
        var source = value
        while masks[source] == nil, let node = producer(of: source), node.mask.value == nil, let input = node.inputs[0],
            graph.layer(of: node).operation.handsItsMaskOn
        {
            source = input
        }
        guard graph.carriesMask(source), let node = producer(of: source) else { return nil }
        let mask = try masks[source] ?? node.mask.value ?? madeMask(of: node, joints: joints)
        (masks[source], masks[value]) = (mask, mask)
        return mask
    }

    private func producer(of value: Graph.ValueID) -> Graph.Node? { draft.producer(of: value).map { graph.nodes[$0] } }

    /// The mask that a layer makes, and does not hand on.
    private mutating func madeMask(of node: Graph.Node, joints: Int) throws -> Graph.ValueID? {
        // A call takes a mask [batch, time].
        guard let input = node.inputs[0], draft.type(of: node.outputs[0]).rank == 3 else { return nil }
        let layer = graph.layer(of: node)
        switch layer.operation {
        case is Embedding: return try compared(input, with: 0, layer.name)
        case let masking as Masking:
            let features = try compared(input, with: masking.value, layer.name)
            let ones = try add("\(layer.name)_ones", Cast(to: .int32), [features])
            let any = try add("\(layer.name)_any", Reduction(.maximum, axes: .known([-1]), keepsAxes: false), [ones])
            return try add("\(layer.name)_mask", Cast(to: .bool), [any])
        case let concatenate as Concatenate where concatenate.timeLocality != .perStep: return nil
        case let operation:
            guard let rule = operation.joinRule, joints > 0 else { return nil }
            return try joinedMask(of: node, by: rule, layer.name, joints: joints - 1)
        }
    }

    private mutating func joinedMask(
        of node: Graph.Node, by rule: MaskMerge, _ name: String, joints: Int
    ) throws -> Graph.ValueID? {
        let carrying = node.inputs.compactMap { $0 }.filter(graph.carriesMask)
        guard rule == .all || carrying.count == node.inputs.count else { return nil }
        var joined: Graph.ValueID?
        for value in carrying {
            guard let mask = try mask(of: value, joints: joints) else { return nil }
            joined = try joined.map { try add("\(name)_mask", Logic(rule == .all ? .and : .or), [$0, mask]) } ?? mask
        }
        return joined
    }

    private mutating func compared(_ value: Graph.ValueID, with number: Float, _ name: String) throws -> Graph.ValueID {
        let constant = draft.addConstant(
            "\(name)/mask_value", Tensor(scalar: number).cast(to: draft.type(of: value).dtype))
        return try add("\(name)_not_equal", Comparison(.notEqual), [value, constant])
    }

    private mutating func add(
        _ name: String, _ operation: any Operator, _ inputs: [Graph.ValueID]
    ) throws -> Graph.ValueID {
        let node = try draft.makeNode(name, operation, inputs)
        computations.append(node)
        return node.outputs[0]
    }
}

extension Operator {
    /// How it joins the masks of its inputs; nil where it joins none.
    fileprivate var joinRule: MaskMerge? { (self as? Merge)?.maskMerge ?? (self as? Concatenate)?.maskMerge }

    fileprivate var isRecurrent: Bool { self is any RecurrentOperator || self is Bidirectional }

    /// Whether its mask is its own, whatever its input carries.
    fileprivate var makesMask: Bool { self is Embedding || self is Masking }

    /// Whether Keras takes a mask in calls of it, and hands that of the input on.
    fileprivate var takesMaskByHand: Bool {
        isRecurrent || self is BatchNormalization || self is TimeDistributed
            || (self as? GlobalPooling)?.leavesMaskedStepsOut == true
    }

    /// Whether its output carries the mask of its input.
    fileprivate var handsItsMaskOn: Bool { takesMaskByHand || leavesMaskAlone && !makesMask }

    /// Whether it does nothing with a mask but to hand it on.
    fileprivate var leavesMaskAlone: Bool {
        self is GlobalPooling || !(self is Softmax) && timeLocality == .perStep && arity == 1...1
    }
}

extension GlobalPooling {
    fileprivate var leavesMaskedStepsOut: Bool { function == .average && axes == 1 }
}

extension Graph {
    /// For each value that carries a mask, the one whose layer made it; of several masks that of the first input.
    func maskOrigins() -> [ValueID: ValueID] {
        var origins: [ValueID: ValueID] = [:]
        for node in nodes {
            guard let output = node.outputs.first, carriesMask(output) else { continue }
            let handedOn = node.inputs.lazy.compactMap { $0.flatMap { origins[$0] } }.first
            origins[output] = layer(of: node).operation.makesMask ? output : handedOn ?? output
        }
        return origins
    }

    /// Whether layers have names that Keras 3 gives to the operations which make the masks of this graph.
    fileprivate var hasNamesOfKerasMasks: Bool {
        var names = Set<String>()
        for node in nodes {
            switch layer(of: node).operation {
            case let embedding as Embedding where embedding.maskZero: names.insert("not_equal")
            case is Masking: names.formUnion(["not_equal", "any"])
            case is Merge where node.inputs.contains { $0.map(carriesMask) ?? false }: names.insert("logical_or")
            case is Concatenate where node.inputs.contains { $0.map(carriesMask) ?? false }:
                names.formUnion(["expand_dims", "zeros_like", "logical_or", "concatenate", "any"])
            default: break
            }
        }
        return layers.contains { layer in
            let parts = layer.name.split(separator: "_")
            let stem = parts.last.flatMap { Int($0) } == nil ? parts : parts.dropLast()
            return names.contains(stem.joined(separator: "_"))
        }
    }
}
