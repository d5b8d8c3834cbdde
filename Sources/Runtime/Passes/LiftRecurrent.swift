import FerryEngine

/// Initial states that are zeros are left out, which means the same.
enum DropZeroStates: Pass {
    static let summary = "leave out initial states that are zeros"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard node.layer.operation is any RecurrentOperator || node.layer.operation is Bidirectional,
            node.inputs.count > 1, draft.ownsLayer(index), node.inputs.dropFirst().allSatisfy({ draft.isZero($0) })
        else { return false }
        var new = node
        new.inputs = [node.inputs[0]]
        draft.replace([index], with: [new])
        return true
    }
}

/// A recurrent layer takes the batch first; transposes around it then meet those of the file.
enum PutBatchFirst: Pass {
    static let summary = "let recurrent layers take the batch first"
    static let swap = Transpose([1, 0, 2])

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let layer = RecurrentLayer(node.layer.operation), layer.options.timeMajor, draft.ownsLayer(index),
            let (_, transpose) = draft.producer(of: node.inputs[0], Transpose.self),
            transpose.permutation == swap.permutation
        else { return false }
        let before = try draft.makeNode("\(node.layer.name)/Transpose", swap, [node.inputs[0]])
        var new = node
        new.layer.operation = layer.with { $0.timeMajor = false }.operation
        new.inputs[0] = before.outputs[0]
        var after: [GraphDraft.Node] = []
        if layer.options.returnSequences {
            for position in 0..<layer.sequenceCount {
                let inner = try draft.makeNode(node.layer.name, new.layer.operation, new.inputs).outputs[position]
                new.outputs[position] = inner
                after.append(
                    try draft.makeNode("\(node.layer.name)/Transpose", swap, [inner], outputs: [node.outputs[position]])
                )
            }
        }
        var mask: [GraphDraft.Node] = []
        if case .given(let value) = node.mask {
            mask = [try draft.makeNode("\(node.layer.name)/Mask", Transpose([1, 0]), [value])]
            new.mask = .given(mask[0].outputs[0])
        }
        draft.replace([index], with: mask + [before, new] + after)
        return true
    }
}

/// A recurrent layer puts out only what is read: all steps, the last one, states.
enum NarrowRecurrentOutputs: Pass {
    static let summary = "let recurrent layers put out only what is read"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let layer = RecurrentLayer(node.layer.operation), layer.options.returnState,
            layer.options.returnSequences, draft.ownsLayer(index)
        else { return false }
        let (sequences, states) = (
            node.outputs.prefix(layer.sequenceCount), Array(node.outputs.dropFirst(layer.sequenceCount))
        )
        let stateCount = states.count / layer.directions
        let readsSequence = !sequences.allSatisfy(draft.isUnused)
        let lasts = (0..<layer.directions).map { states[$0 * stateCount] }
        let readsOtherStates = states.contains { !lasts.contains($0) && !draft.isUnused($0) }
        let readsLast = !lasts.allSatisfy(draft.isUnused)
        guard !(readsSequence && (readsLast || readsOtherStates)) else { return false }
        // Where steps are masked, the last output is the last state only if both begin with zeros and neither is hidden.
        let isMasked = node.mask.value != nil
        guard readsSequence || readsOtherStates || !isMasked || node.inputs.count == 1 else { return false }

        var new = node
        new.layer.operation =
            layer.with {
                $0.returnState = readsOtherStates
                $0.returnSequences = readsSequence
                if !readsSequence && !readsOtherStates { $0.zeroOutputForMask = false }
            }.operation
        if !readsSequence && !readsOtherStates {
            guard layer.sequenceCount == layer.directions else { return false }
            new.outputs = lasts
        } else if readsSequence {
            new.outputs = Array(sequences)
        }
        draft.replace([index], with: [new])
        return true
    }
}

/// A recurrent layer or a pair of them, seen alike.
struct RecurrentLayer {
    var operation: any Operator

    init?(_ operation: any Operator) {
        guard operation is any RecurrentOperator || operation is Bidirectional else { return nil }
        self.operation = operation
    }

    var directions: Int { operation is Bidirectional ? 2 : 1 }

    /// How many sequences (or last outputs) come before the states.
    var sequenceCount: Int { (operation as? Bidirectional).map { $0.merge == nil ? 2 : 1 } ?? 1 }

    var options: RecurrentOptions {
        if let pair = operation as? Bidirectional { return pair.forward.options }
        return (operation as? any RecurrentOperator)?.options ?? RecurrentOptions()
    }

    /// The layer with other options, in both directions.
    func with(_ change: (inout RecurrentOptions) -> Void) -> RecurrentLayer {
        var copy = self
        if var pair = operation as? Bidirectional {
            change(&pair.forward.options)
            change(&pair.backward.options)
            copy.operation = pair
        } else if var single = operation as? any RecurrentOperator {
            change(&single.options)
            copy.operation = single
        }
        return copy
    }
}
