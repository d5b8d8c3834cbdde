import FerryEngine
import FerryRuntime

extension Model {
    /// The model with two layers, and what joins them, in place of each Bidirectional of old whose masked steps can be
    /// seen; and a note on each.
    ///
    /// A Bidirectional of today puts zeros at masked steps (`Bidirectional.__init__` sets `zero_output_for_mask`), where
    /// its layers alone put their last output again, as both did before.
    func takingOldBidirectionalsApart() throws -> (model: Model, notes: [String]) {
        let shown = Set(graph.layersOfOldThatShowMaskedSteps().map(\.layer.name))
        guard !shown.isEmpty else { return (self, []) }
        var draft = GraphDraft(graph, parameters)
        var notes: [String] = []
        for node in draft.nodes where shown.contains(node.layer.name) {
            guard let both = node.layer.operation as? Bidirectional, let merge = both.merge,
                node.inputs.count == 1, node.outputs.count == 1, !both.isStateful, !both.forward.options.timeMajor,
                let place = draft.producer(of: node.outputs[0]), draft.ownsLayer(place)
            else { continue }
            let parts = try draft.parts(of: both, merge, node)
            draft.replace([place], with: parts)
            notes.append(
                "layer '\(node.layer.name)': two layers, of which one is turned around, took its place, because it gives "
                    + "its last output again at masked steps and today's Bidirectional zeros")
        }
        guard !notes.isEmpty else { return (self, []) }
        var metadata = metadata
        if metadata.optimizerState != nil {
            metadata.optimizerState = nil
            notes.append("what the optimiser keeps was left out: it belongs to layers that became others")
        }
        var (graph, parameters) = try draft.finished()
        graph.structure = .functional
        return (try Model(name: name, graph: graph, parameters: parameters, metadata: metadata), notes)
    }
}

extension GraphDraft {
    /// The two directions, the second one turned around, and the layer that joins them under the name of the whole.
    fileprivate mutating func parts(
        of both: Bidirectional, _ merge: Bidirectional.Merge, _ node: Node
    ) throws -> [Node] {
        func direction(_ name: String, _ layer: any RecurrentOperator, trains: Bool) throws -> Node {
            var part = try makeNode(
                "\(node.layer.name)_\(name)", layer, node.inputs, parameters: node.parameters.scoped(to: name))
            part.mask = node.mask
            part.layer.isTrainable = node.layer.isTrainable && trains
            (part.layer.dtype, part.layer.parameterType) = (node.layer.dtype, node.layer.parameterType)
            return part
        }
        var there = try direction("forward", both.forward, trains: both.trains.forward)
        var back = try direction("backward", both.backward, trains: both.trains.backward)
        there.layer.activityRegularizer = both.activityRegularizers.forward
        back.layer.activityRegularizer = both.activityRegularizers.backward
        let turned = try makeNode("\(node.layer.name)_turned", Reverse(axis: 1), [back.outputs[0]])
        var joined = try makeNode(
            node.layer.name, merge.layer, [there.outputs[0], turned.outputs[0]], outputs: [node.outputs[0]])
        joined.layer.activityRegularizer = node.layer.activityRegularizer
        return [there, back, turned, joined]
    }
}

extension Bidirectional.Merge {
    /// The layer that joins two sequences so; of masks it takes those that there are.
    fileprivate var layer: any Operator {
        func merging(_ function: FerryRuntime.Merge.Function) -> FerryRuntime.Merge {
            var merge = FerryRuntime.Merge(function)
            merge.maskMerge = .all
            return merge
        }
        switch self {
        case .concatenate:
            var concatenate = Concatenate()
            concatenate.maskMerge = .all
            return concatenate
        case .sum: return merging(.add)
        case .multiply: return merging(.multiply)
        case .average: return merging(.average)
        }
    }
}
