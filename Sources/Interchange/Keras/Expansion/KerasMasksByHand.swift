import FerryEngine
import FerryRuntime

extension Model {
    /// The model with masks given by hand to the calls for which Keras 3 would have none, or another; unchanged where
    /// there are no such calls, or not all of them can be given one.
    ///
    /// Keras 3 hands no mask on beside initial states, and joins masks by another rule than Keras 2. It also gives the
    /// operations that make its masks names without a look at the names that layers have, and then refuses the model.
    func givingMasksByHand() throws -> Model {
        var calls = KerasMasksByHand(graph, parameters)
        guard try calls.giveAll() else { return self }
        let (graph, parameters) = try calls.draft.finished()
        return try Model(name: name, graph: graph, parameters: parameters, metadata: metadata)
    }
}

/// Finds the calls whose masks Keras 3 would not hand on as they are, and gives them these masks.
private struct KerasMasksByHand {
    private let graph: Graph
    private(set) var draft: GraphDraft
    /// The values that would carry another mask in Keras 3, or none.
    private var differing: Set<Graph.ValueID> = []
    /// The masks of values, as far as they are computed.
    private var masks: [Graph.ValueID: Graph.ValueID] = [:]
    private var computations: [GraphDraft.Node] = []
    /// Whether Keras's own masks would meet layers of their names, so that every call is given its mask.
    private let namesCollide: Bool

    init(_ graph: Graph, _ parameters: ParameterSet) {
        self.graph = graph
        draft = GraphDraft(graph, parameters)
        namesCollide = graph.hasNamesOfKerasMasks
    }

    /// Gives every call that needs it its mask; false where there is none, or where one cannot be computed.
    mutating func giveAll() throws -> Bool {
        for (index, node) in graph.nodes.enumerated() {
            guard node.mask == .carried, node.inputs.contains(where: { $0.map(graph.carriesMask) ?? false }) else {
                continue
            }
            guard try look(at: node, index) else { return false }
        }
        guard !computations.isEmpty else { return false }
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
            let sources = Set(node.inputs.compactMap { $0 }.map(origin))
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

    /// The value whose layer made the mask that `value` carries; nil where it carries none.
    private func origin(_ value: Graph.ValueID) -> Graph.ValueID? {
        guard graph.carriesMask(value), let producer = draft.producer(of: value) else { return nil }
        let inputs = draft.nodes[producer].inputs.compactMap { $0 }
        return inputs.first(where: graph.carriesMask).flatMap(origin) ?? value
    }

    /// The mask that a value carries, as a value of its own, bool [batch, time].
    private mutating func mask(of value: Graph.ValueID) throws -> Graph.ValueID? {
        if let known = masks[value] { return known }
        guard graph.carriesMask(value), let producer = draft.producer(of: value) else { return nil }
        let node = graph.nodes[producer]
        let mask = try node.mask.value ?? computedMask(of: node)
        masks[value] = mask
        return mask
    }

    private mutating func computedMask(of node: Graph.Node) throws -> Graph.ValueID? {
        guard let input = node.inputs[0] else { return nil }
        let name = graph.layer(of: node).name
        switch graph.layer(of: node).operation {
        case is Embedding: return try compared(input, with: 0, name)
        case let masking as Masking:
            let features = try compared(input, with: masking.value, name)
            let ones = try add("\(name)_ones", Cast(to: .int32), [features])
            let any = try add("\(name)_any", Reduction(.maximum, axes: .known([-1]), keepsAxes: false), [ones])
            return try add("\(name)_mask", Cast(to: .bool), [any])
        case let operation:
            if let rule = operation.joinRule {
                if let concatenate = operation as? Concatenate, concatenate.timeLocality != .perStep { return nil }
                return try joinedMask(of: node, by: rule, name)
            }
            return operation.takesMaskByHand || operation.leavesMaskAlone ? try mask(of: input) : nil
        }
    }

    private mutating func joinedMask(of node: Graph.Node, by rule: MaskMerge, _ name: String) throws -> Graph.ValueID? {
        let carrying = node.inputs.compactMap { $0 }.filter(graph.carriesMask)
        guard rule == .all || carrying.count == node.inputs.count else { return nil }
        var joined: Graph.ValueID?
        for value in carrying {
            guard let mask = try mask(of: value) else { return nil }
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

    /// Whether Keras takes a mask in calls of it, and hands that of the input on.
    fileprivate var takesMaskByHand: Bool {
        isRecurrent || self is BatchNormalization || self is TimeDistributed
            || (self as? GlobalPooling)?.leavesMaskedStepsOut == true
    }

    /// Whether it does nothing with a mask but to hand it on.
    fileprivate var leavesMaskAlone: Bool {
        self is GlobalPooling || !(self is Softmax) && timeLocality == .perStep && arity == 1...1
    }
}

extension GlobalPooling {
    fileprivate var leavesMaskedStepsOut: Bool { function == .average && axes == 1 }
}

extension Graph {
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
