import FerryEngine

/// Where a mask, bool [batch, time], comes from.
enum MaskOrigin: Hashable {
    /// The ids that are not 0.
    case ids(Graph.ValueID)
    /// The steps with a feature that is not this number.
    case steps(Graph.ValueID, Float)

    /// What a value masks by; nil where it is something else.
    init?(_ mask: Graph.ValueID?, _ draft: GraphDraft) {
        guard let mask, let index = draft.producer(of: mask), let x = draft.nodes[index].inputs.first ?? nil else {
            return nil
        }
        let node = draft.nodes[index]
        switch node.layer.operation {
        case let squeeze as Squeeze where draft.type(of: x).rank == 3:
            guard squeeze.axes?.values == [2] || squeeze.axes?.values == [-1] else { return nil }
            self.init(x, draft)
        case let cast as Cast where cast.dtype == .bool && draft.type(of: x).dtype != .bool:
            // Any number but 0 is true.
            guard let steps = Self.any(x, draft) else { return nil }
            self = steps
        case let comparison as Comparison where comparison.relation == .greater:
            guard Self.number(node.inputs[1], draft) == 0, let steps = Self.any(x, draft) else { return nil }
            self = steps
        default:
            guard let (value, number) = Self.different(mask, draft), number == 0, draft.type(of: value).rank == 2 else {
                return nil
            }
            self = .ids(value)
        }
    }

    /// The sum or the largest of 1 for each feature that is not the number, else 0.
    private static func any(_ value: Graph.ValueID, _ draft: GraphDraft) -> MaskOrigin? {
        guard let (index, reduction) = draft.producer(of: value, Reduction.self),
            [.sum, .maximum].contains(reduction.function), let x = draft.nodes[index].inputs[0],
            let axes = reduction.axes?.values, axes.count == 1,
            resolvedAxis(axes[0], rank: draft.type(of: x).rank) == draft.type(of: x).rank - 1,
            let (cast, _) = draft.producer(of: x, Cast.self),
            let (steps, number) = different(draft.nodes[cast].inputs[0], draft), draft.type(of: steps).rank == 3
        else { return nil }
        return .steps(steps, number)
    }

    /// A value and the number that its elements are compared with, where the result is true for all others.
    private static func different(_ value: Graph.ValueID?, _ draft: GraphDraft) -> (Graph.ValueID, Float)? {
        if let (index, logic) = draft.producer(of: value, Logic.self), logic.function == .not {
            return compared(draft.nodes[index].inputs[0], .equal, draft)
        }
        return compared(value, .notEqual, draft)
    }

    private static func compared(
        _ value: Graph.ValueID?, _ relation: Comparison.Relation, _ draft: GraphDraft
    ) -> (Graph.ValueID, Float)? {
        guard let (index, comparison) = draft.producer(of: value, Comparison.self), comparison.relation == relation
        else { return nil }
        let inputs = draft.nodes[index].inputs
        if let known = number(inputs[1], draft), let x = inputs[0] { return (uncast(x, draft), known) }
        if let known = number(inputs[0], draft), let x = inputs[1] { return (uncast(x, draft), known) }
        return nil
    }

    /// Ids may be compared as another type than that in which they come in.
    private static func uncast(_ value: Graph.ValueID, _ draft: GraphDraft) -> Graph.ValueID {
        guard let (index, cast) = draft.producer(of: value, Cast.self), let x = draft.nodes[index].inputs[0],
            cast.dtype?.isFloat == draft.type(of: x).dtype.isFloat
        else { return value }
        return x
    }

    private static func number(_ value: Graph.ValueID?, _ draft: GraphDraft) -> Float? {
        guard let tensor = draft.constant(value), tensor.count == 1, tensor.dtype != .bool else { return nil }
        return tensor.cast(to: .float32).floats[0]
    }
}

/// Steps that are made zeros where all features equal one number pass through Masking.
enum LiftMasking: Pass {
    static let summary = "recognise steps that are hidden by their features as Masking"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        let inputs = node.inputs
        var candidates: [(x: Graph.ValueID?, mask: Graph.ValueID?)] = []
        if node.layer.operation is Choice, draft.isZero(inputs[2]) { candidates = [(inputs[1], inputs[0])] }
        if (node.layer.operation as? Arithmetic)?.function == .multiply {
            candidates = [(inputs[0], inputs[1]), (inputs[1], inputs[0])].map { x, factor in
                (x, draft.producer(of: factor, Cast.self).flatMap { draft.nodes[$0.index].inputs[0] })
            }
        }
        for (x, mask) in candidates {
            guard let x, case .steps(x, let value) = MaskOrigin(mask, draft) else { continue }
            let new = try draft.makeNode(node.layer.name, Masking(value), [x], outputs: [node.outputs[0]])
            draft.replace([index], with: [new])
            draft.dropCarriedMasks()
            return true
        }
        return false
    }
}

/// A mask that Embedding or Masking would attach to its output travels with the values, and need not be given.
enum CarryMasks: Pass {
    static let summary = "let masks of Embedding and Masking travel with the values"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        guard let mask = draft.nodes[index].mask.value, let origin = MaskOrigin(mask, draft) else { return false }
        var attempt = draft
        if case .ids(let ids) = origin { attempt.maskZeros(of: ids) }
        let flow = MaskFlow(attempt)
        guard flow.isHarmless(in: attempt), flow.incoming(attempt.nodes[index]) == .origin(origin) else { return false }
        attempt.setMask(of: index, .carried)
        draft = attempt
        return true
    }
}

/// Where no mask arrives, none needs to be dropped.
enum ForgetAbsentMasks: Pass {
    static let summary = "forget to drop masks where none arrives or none matters"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        guard draft.nodes[index].mask == .dropped else { return false }
        let flow = MaskFlow(draft)
        let node = draft.nodes[index]
        guard flow.incoming(node) == nil || !MaskFlow.matters(to: node.layer.operation) else { return false }
        // What arrives now may matter further on.
        var attempt = draft
        attempt.setMask(of: index, .carried)
        guard MaskFlow(attempt).isHarmless(in: attempt) else { return false }
        draft = attempt
        return true
    }
}

/// Which masks values carry.
struct MaskFlow {
    enum Mask: Hashable {
        case origin(MaskOrigin)
        case other
    }

    private var carried: [Graph.ValueID: Mask] = [:]

    init(_ draft: GraphDraft) {
        for node in draft.nodes {
            let masks = node.inputs.map { $0.flatMap { carried[$0] } }
            var flags = masks.map { $0 != nil }
            var mask = masks.first ?? nil
            switch node.mask {
            case .carried: break
            case .dropped:
                if !flags.isEmpty { flags[0] = false }
                mask = nil
            case .given(let value):
                flags[0] = true
                mask = MaskOrigin(value, draft).map(Mask.origin) ?? .other
            }
            guard let output = node.outputs.first, node.layer.operation.carriesMask(inputs: flags) else { continue }
            if let embedding = node.layer.operation as? Embedding, embedding.maskZero, let ids = node.inputs[0] {
                mask = .origin(.ids(ids))
            } else if let masking = node.layer.operation as? Masking, let x = node.inputs[0] {
                mask = .origin(.steps(x, masking.value))
            } else if flags.count(where: { $0 }) > 1 || mask == nil {
                let all = Set(masks.compactMap { $0 })
                mask = all.count == 1 && flags.allSatisfy { $0 } ? all.first : .other
            }
            carried[output] = mask
        }
    }

    /// The mask that the first input of a node carries.
    func incoming(_ node: GraphDraft.Node) -> Mask? { (node.inputs.first ?? nil).flatMap { carried[$0] } }

    /// Whether every layer to which a mask matters is one that is meant to have it.
    func isHarmless(in draft: GraphDraft) -> Bool {
        draft.nodes.allSatisfy { node in
            if node.mask != .carried || node.isMasked { return true }
            let arrives = node.inputs.contains { $0.flatMap { carried[$0] } != nil }
            return !arrives || !MaskFlow.matters(to: node.layer.operation)
        }
    }

    /// Whether a layer computes something else where a mask arrives.
    static func matters(to operation: any Operator) -> Bool {
        switch operation {
        case let merge as Merge: return merge.function != .add && merge.function != .average
        case let time as TimeDistributed: return matters(to: time.layer)
        case is any RecurrentOperator, is Bidirectional, is RNN, is ConvLSTM, is Attention, is MultiHeadAttention,
            is GlobalPooling, is Softmax, is Submodel:
            return true
        default: return false
        }
    }
}
