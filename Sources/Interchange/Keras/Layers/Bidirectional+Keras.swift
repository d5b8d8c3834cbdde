import FerryEngine
package import FerryRuntime
import OrderedCollections

extension Bidirectional: KerasLayer {
    package static let kerasClasses = ["Bidirectional"]

    package init(keras config: inout KerasConfig) throws {
        let hidesMasked = config.bidirectionalHidesMasked
        let (forwardEntry, forward) = try config.recurrentLayer("layer")
        var mirrored = Bidirectional(forward)
        if !hidesMasked {
            mirrored.forward.options.zeroOutputForMask = false
            mirrored.backward.options.zeroOutputForMask = false
        }
        let merge = config.take("merge_mode")
        self.init(forward: mirrored.forward, backward: mirrored.backward, merge: nil)
        layerNames = ("forward_\(forwardEntry.name)", "backward_\(forwardEntry.name)")
        trains = (forwardEntry.isTrainable, forwardEntry.isTrainable)
        activityRegularizers = (forwardEntry.activityRegularizer, forwardEntry.activityRegularizer)
        if let (entry, backward) = try config.optionalRecurrentLayer("backward_layer") {
            self.backward = backward
            self.backward.options.zeroOutputForMask = hidesMasked && backward.options.returnSequences
            layerNames = (forwardEntry.name, entry.name)
            trains.backward = entry.isTrainable
            activityRegularizers.backward = entry.activityRegularizer
        }
        if let merge {
            guard let name = merge.stringValue, let known = Merge(rawValue: name) else {
                throw config.unexpected(
                    merge, "merge_mode", Merge.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ") + " or null")
            }
            self.merge = known
        }
        config.ignore("return_sequences", "return_state", "stateful", "go_backwards", "weights")
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [
            (
                "layer",
                try version.layer(
                    forward, name: layerNames.forward, isTrainable: trains.forward,
                    activityRegularizer: activityRegularizers.forward)
            ),
            (
                "backward_layer",
                try version.layer(
                    backward, name: layerNames.backward, isTrainable: trains.backward,
                    activityRegularizer: activityRegularizers.backward)
            ),
            ("merge_mode", merge.map { .string($0.rawValue) } ?? .null),
        ]
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        direction(forward, "forward", specs) + direction(backward, "backward", specs)
    }

    private func direction(
        _ layer: any RecurrentOperator, _ scope: String, _ specs: [ParameterSpec]
    ) -> [KerasVariableGroup] {
        guard let layer = layer as? any KerasLayer else { return [] }
        return layer.kerasVariables(specs.inside(scope)).map { $0.nested(path: "\(scope)_layer", scope: scope) }
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        guard let forward = forward as? any KerasLayer, let backward = backward as? any KerasLayer else {
            return specs.count
        }
        let first = forward.kerasWeightCount(weights, for: specs.inside("forward"))
        return first + backward.kerasWeightCount(weights.dropFirst(first), for: specs.inside("backward"))
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        guard let forward = forward as? any KerasLayer, let backward = backward as? any KerasLayer else {
            return weights
        }
        // Where only one direction is frozen the file lists the other one first, so names count before places.
        let (there, back) = weights.byDirection ?? weights.halves
        let modern =
            try forward.modernized(there, for: specs.inside("forward"))
            + backward.modernized(back, for: specs.inside("backward"))
        guard modern.count == specs.count else { return modern }
        let pairs = zip(modern, specs)
        return pairs.filter { $1.isTrainable }.map(\.0) + pairs.filter { !$1.isTrainable }.map(\.0)
    }
}

extension [KerasWeight] {
    /// The weights of the forward and of the backward layer, told apart by the names that Keras gives those layers.
    fileprivate var byDirection: (forward: [KerasWeight], backward: [KerasWeight])? {
        let forward = filter { $0.name.contains("forward_") }
        let backward = filter { $0.name.contains("backward_") }
        return !forward.isEmpty && forward.count + backward.count == count ? (forward, backward) : nil
    }

    /// The weights of the forward and of the backward layer, by their number.
    fileprivate var halves: (forward: [KerasWeight], backward: [KerasWeight]) {
        (Array(prefix(count / 2)), Array(dropFirst(count / 2)))
    }
}

extension [ParameterSpec] {
    /// Those of the layer `scope`, under their names in it.
    package func inside(_ scope: String) -> [ParameterSpec] {
        filter { $0.name.hasPrefix(scope + "/") }.map { spec in
            var spec = spec
            spec.name = String(spec.name.dropFirst(scope.count + 1))
            return spec
        }
    }
}

extension KerasConfig {
    /// Whether masked steps of the sequences put out zeros. In TensorFlow 2.0 and 2.1, which name the same version of
    /// Keras as 2.2 does, they did not where the layer was one that a GPU could have run (`recurrent_v2.py`,
    /// `standard_lstm`).
    fileprivate var bidirectionalHidesMasked: Bool {
        guard version.isInTensorFlow, version < KerasVersion(2, 4), context.namesNoCells,
            let settings = fields["layer"]?["config"], settings["implementation"] == 2
        else { return version.bidirectionalHidesMasked }
        let fitsGPU =
            settings["activation"] == "tanh" && settings["recurrent_activation"] == "sigmoid"
            && settings["recurrent_dropout"]?.doubleValue ?? 0 == 0 && settings["unroll"] != true
            && settings["use_bias"] != false && settings["reset_after"] != false
        return !fitsGPU
    }
}
