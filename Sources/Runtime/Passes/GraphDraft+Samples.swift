import FerryEngine

extension GraphDraft {
    /// The layer of one input that a node is, where it treats every sample of the batch alone; nil for all others.
    func layerOfSamples(_ node: Node) -> (any Operator)? {
        let operation = node.layer.operation
        guard node.inputs.count == 1, node.outputs.count == 1, node.mask.value == nil, !operation.isStateful,
            let x = node.inputs[0], type(of: x).rank >= 2
        else { return nil }
        switch operation {
        case let activation as Activation:
            // Axes must be counted from the back, for the layer is to see one axis less.
            return activation.function.axis.map { $0 < 0 } ?? true ? activation : nil
        case is any RecurrentOperator, is Bidirectional:
            return RecurrentLayer(operation)?.options.timeMajor == false ? operation : nil
        case is Dense, is Conv, is LocalPooling, is GlobalPooling, is Dropout, is Embedding, is Reshape, is Permute,
            is Flatten, is RepeatVector, is ZeroPadding, is TimeDistributed, is ConvLSTM:
            return operation
        case let normalization as BatchNormalization: return normalization.axis < 0 ? normalization : nil
        case let normalization as LayerNormalization:
            return normalization.axes.allSatisfy { $0 < 0 } ? normalization : nil
        default: return LiftGlobalPooling.layer(node, self) ?? LiftShapes.layer(node, x, self)
        }
    }

    /// A node, not yet in the graph, that runs a layer of samples on every time step of `x`.
    mutating func makeDistributed(
        _ name: String, _ layer: any Operator, _ parameters: ParameterSet, over x: Graph.ValueID,
        outputs: [Graph.ValueID?] = []
    ) throws -> Node {
        let isForEachElement = (layer as? Activation).map { $0.function.axis == nil } ?? false
        if layer is Dense || isForEachElement {
            return try makeNode(name, layer, [x], outputs: outputs, parameters: parameters)
        }
        var scoped = ParameterSet()
        scoped.merge(parameters, scope: "layer")
        return try makeNode(name, TimeDistributed(layer), [x], outputs: outputs, parameters: scoped)
    }
}
