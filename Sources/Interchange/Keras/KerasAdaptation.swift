import FerryEngine
import FerryRuntime

/// A layer and its parameters, changed so that another version of Keras computes the same numbers.
package struct KerasAdapted {
    /// The layer.
    var operation: any Operator
    /// Its parameters.
    var parameters: ParameterSet

    /// A layer as it is.
    init(_ operation: any Operator, _ parameters: ParameterSet) {
        self.operation = operation
        self.parameters = parameters
    }
}

extension Model {
    /// The model as `version` of Keras can express it, and what changed on the way.
    ///
    /// - Throws: one ``FerryError`` that names every layer which that version cannot express.
    func adapted(to version: KerasVersion) throws -> (model: Model, notes: [String]) {
        let (expanded, expansions) = try expandedForKeras()
        let (apart, separations) = try expanded.takingOldBidirectionalsApart()
        let masked = version.isKeras3 ? try apart.givingMasksByHand() : apart
        let (model, notes) = try masked.scaled(for: version)
        return (model, expansions + separations + notes)
    }

    private func scaled(for version: KerasVersion) throws -> (model: Model, notes: [String]) {
        var (adapted, changed, notes) = try graph.adapted(to: version, parameters)
        var metadata = metadata
        if let state = metadata.optimizerState, changed != parameters {
            // Every change multiplies parameters, so that ones become the factors.
            let factors = try graph.adapted(to: version, parameters.ones).parameters
            metadata.optimizerState = try state.rescaled(by: factors)
            notes.append("training goes on from the scaled weights with other steps than from the old ones")
        }
        return (try Model(name: name, graph: adapted, parameters: changed, metadata: metadata), notes)
    }
}

extension ParameterSet {
    /// Ones in the shapes of the parameters.
    fileprivate var ones: ParameterSet {
        var result = ParameterSet()
        for name in names {
            result[name] = self[name].map { tensor in
                Tensor(shape: tensor.shape, of: Float.self) { (ones: UnsafeMutableBufferPointer<Float>) in
                    ones.update(repeating: 1)
                }
            }
        }
        return result
    }
}

extension Graph {
    /// The graph with each layer adapted; see ``Model/adapted(to:)``.
    func adapted(
        to version: KerasVersion, _ parameters: ParameterSet
    ) throws -> (graph: Graph, parameters: ParameterSet, notes: [String]) {
        var graph = self
        var result = ParameterSet()
        var notes: [String] = []
        var refused: [(layer: Layer, error: FerryError)] =
            (version.isKeras3 ? maskUsesKeras3Lacks() : maskUsesKeras2Lacks())
            + layersOfOldThatShowMaskedSteps()
        for (index, layer) in layers.enumerated() {
            do {
                let before = KerasAdapted(layer.operation, parameters.scoped(to: layer.name))
                let after = try before.adapted(to: version)
                _ = try version.layer(after.operation, name: layer.name)
                graph.replaceOperation(ofLayer: index, by: after.operation)
                result.merge(after.parameters, scope: layer.name)
                if after.parameters != before.parameters {
                    notes.append(
                        "layer '\(layer.name)': the hard_sigmoid of Keras 1 and 2 became that of Keras 3, exactly, by "
                            + "weights times 1.2")
                }
            } catch let error as FerryError {
                refused.append((layer, error))
            }
        }
        guard refused.count < 2 else {
            let list = refused.map { "'\($0.layer.name)' (\($0.layer.operation.kind))" }.joined(separator: ", ")
            throw FerryError(
                .unsupported, found: "\(refused.count) layers cannot be written for Keras \(version.major): \(list)",
                expected: refused[0].error.found, remedy: "write ONNX instead")
        }
        if let (layer, error) = refused.first {
            throw error.located(in: "layer '\(layer.name)' (\(layer.operation.kind))")
        }
        return (graph, result, notes)
    }
}

extension Graph {
    /// The layers whose use of masks Keras 3 has no word for, though Keras 2 has.
    fileprivate func maskUsesKeras3Lacks() -> [(layer: Layer, error: FerryError)] {
        let origins = maskOrigins()
        return nodes.compactMap { node in
            let layer = layer(of: node)
            let inputs = node.inputs.compactMap { $0 }
            let isRecurrent = layer.operation is any RecurrentOperator || layer.operation is Bidirectional
            if isRecurrent, inputs.count > 1, node.mask == .carried, carriesMask(inputs[0]) {
                let error = FerryError(
                    .unsupported, found: "a mask beside initial states, which Keras 3 does not hand on together",
                    remedy: "write it for Keras 2, or as ONNX")
                return (layer, error)
            }
            let rule = (layer.operation as? Merge)?.maskMerge ?? (layer.operation as? Concatenate)?.maskMerge
            if rule == .all, Set(inputs.map { origins[$0] }).count > 1 {
                let error = FerryError(
                    .unsupported,
                    found: "inputs with different masks, which Keras 3 joins by another rule than Keras 2",
                    remedy: "write it for Keras 2, or as ONNX")
                return (layer, error)
            }
            return nil
        }
    }

    /// The layers whose use of masks Keras 2 has no word for, though Keras 3 has.
    fileprivate func maskUsesKeras2Lacks() -> [(layer: Layer, error: FerryError)] {
        let origins = maskOrigins()
        return nodes.compactMap { node in
            let layer = layer(of: node)
            let inputs = node.inputs.compactMap { $0 }
            let rule = (layer.operation as? Merge)?.maskMerge ?? (layer.operation as? Concatenate)?.maskMerge
            guard node.mask == .dropped || rule == .any && Set(inputs.map { origins[$0] }).count > 1 else { return nil }
            let found =
                node.mask == .dropped
                ? "a mask that is not handed on, though Keras 2 always hands it on"
                : "inputs with different masks, which Keras 2 joins by another rule than Keras 3"
            let error = FerryError(
                .unsupported, found: found, remedy: "write it for Keras 3, or as ONNX")
            return (layer, error)
        }
    }
}

extension KerasAdapted {
    /// The layer as `version` of Keras can express it.
    func adapted(to version: KerasVersion) throws -> KerasAdapted {
        switch operation {
        case let submodel as Submodel:
            let (graph, parameters, _) = try submodel.graph.adapted(to: version, parameters)
            return KerasAdapted(Submodel(graph), parameters)
        case var layer as TimeDistributed:
            let inner = try KerasAdapted(layer.layer, parameters.scoped(to: "layer")).adapted(to: version)
            layer.layer = inner.operation
            var result = ParameterSet()
            result.merge(inner.parameters, scope: "layer")
            return KerasAdapted(layer, result)
        case let both as Bidirectional: return try both.adapted(to: version, parameters)
        case let rnn as RNN: return try rnn.adapted(to: version, parameters)
        // The activation of an LSTM acts on the cell state too, which no weight scales; it stays what it is.
        case var lstm as LSTM where lstm.recurrentActivation.becomesHardSigmoid(of: version):
            return KerasAdapted(lstm, try scaled(gates: [true, true, false, true], for: version))
        case var lstm as ConvLSTM where lstm.recurrentActivation.becomesHardSigmoid(of: version):
            return KerasAdapted(lstm, try scaled(gates: [true, true, false, true], for: version))
        case var gru as GRU:
            let gates = gru.recurrentActivation.becomesHardSigmoid(of: version)
            let candidate = gru.activation.becomesHardSigmoid(of: version)
            return gates || candidate
                ? KerasAdapted(gru, try scaled(gates: [gates, gates, candidate], for: version)) : self
        case var rnn as SimpleRNN where rnn.activation.becomesHardSigmoid(of: version):
            return KerasAdapted(rnn, try scaled(gates: [true], for: version))
        case var dense as Dense where dense.activation.becomesHardSigmoid(of: version):
            return KerasAdapted(dense, try scaled(gates: [true], for: version))
        default: return self
        }
    }

    /// The parameters with the columns of some gates scaled, so that the hard sigmoid of `version` gives what the other
    /// one gave: 0.2 x + 0.5 = (1.2 x) / 6 + 0.5.
    private func scaled(gates: [Bool], for version: KerasVersion) throws -> ParameterSet {
        let factor: Double = version.isKeras3 ? 1.2 : 1 / 1.2
        var result = ParameterSet()
        for name in parameters.names {
            let tensor = try parameters.required(name)
            let units = tensor.shape[tensor.rank - 1] / gates.count
            result[name] = tensor.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                Tensor(shape: tensor.shape, of: Float.self) { target in
                    for i in target.indices {
                        let isScaled = gates[i % (units * gates.count) / units]
                        target[i] = isScaled ? Float(Double(source[i]) * factor) : source[i]
                    }
                }
            }
        }
        return result
    }
}

extension RNN {
    fileprivate func adapted(to version: KerasVersion, _ parameters: ParameterSet) throws -> KerasAdapted {
        var copy = self
        var result = ParameterSet()
        for (position, cell) in cells.enumerated() {
            let scope = scope(position)
            let adapted = try KerasAdapted(cell, parameters.scoped(to: scope)).adapted(to: version)
            if let operation = adapted.operation as? any RecurrentOperator { copy.cells[position] = operation }
            result.merge(adapted.parameters, scope: scope)
        }
        return KerasAdapted(copy, result)
    }
}

extension Bidirectional {
    fileprivate func adapted(to version: KerasVersion, _ parameters: ParameterSet) throws -> KerasAdapted {
        var copy = self
        var result = ParameterSet()
        let there = try KerasAdapted(forward, parameters.scoped(to: "forward")).adapted(to: version)
        let back = try KerasAdapted(backward, parameters.scoped(to: "backward")).adapted(to: version)
        if let operation = there.operation as? any RecurrentOperator { copy.forward = operation }
        if let operation = back.operation as? any RecurrentOperator { copy.backward = operation }
        result.merge(there.parameters, scope: "forward")
        result.merge(back.parameters, scope: "backward")
        return KerasAdapted(copy, result)
    }
}

extension ActivationFunction {
    /// Turns the hard sigmoid of another era into `version`'s; false where this is another function.
    fileprivate mutating func becomesHardSigmoid(of version: KerasVersion) -> Bool {
        guard self != version.hardSigmoid, self == .hardSigmoidKeras2 || self == .hardSigmoidKeras3 else {
            return false
        }
        self = version.hardSigmoid
        return true
    }
}
