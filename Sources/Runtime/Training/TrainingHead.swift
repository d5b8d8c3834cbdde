import FerryEngine

/// One output of a model with its loss, and with what was taken from the graph to compute the loss more exactly.
struct TrainingHead {
    let loss: OutputLoss
    /// The activation that made predictions of what the graph now puts out; nil where it puts out predictions.
    let activation: ActivationFunction?

    /// The prediction that people see.
    func prediction(_ output: Tensor) throws -> Tensor { try activation?(output) ?? output }
}

extension Graph {
    /// Takes the activation of the last layer away where the loss of its output had rather do without; gives it.
    ///
    /// Keras does the same: a cross-entropy behind a softmax or sigmoid is computed from what goes into it.
    mutating func splitActivation(ofOutput position: Int, for loss: any Loss) -> ActivationFunction? {
        let value = outputs[position]
        guard outputs.count(where: { $0 == value }) == 1,
            let node = nodes.first(where: { $0.outputs.contains(value) }),
            nodes.count(where: { $0.layer == node.layer }) == 1,
            !nodes.contains(where: { ($0.inputs + [$0.mask.value]).contains(value) }),
            let activation = loss.splitActivations.first(where: {
                layer(of: node).operation.withoutActivation($0) != nil
            }), let linear = layer(of: node).operation.withoutActivation(activation)
        else { return nil }
        replaceOperation(ofLayer: node.layer, by: linear)
        return activation
    }
}

extension Operator {
    /// This operator without the activation at its end; nil where it does not end in `activation`.
    fileprivate func withoutActivation(_ activation: ActivationFunction) -> (any Operator)? {
        if var dense = self as? Dense, dense.activation == activation {
            dense.activation = .linear
            return dense
        }
        if let layer = self as? Activation, layer.function == activation { return Activation(.linear) }
        if let softmax = self as? Softmax, softmax.axes == [-1], activation == .softmax { return Activation(.linear) }
        return nil
    }
}
