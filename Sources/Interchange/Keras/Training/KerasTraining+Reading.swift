import FerryEngine
import FerryRuntime
import OrderedCollections

extension ModelMetadata {
    /// Takes what a file knows of the training of a model: what `compile` was told and what the optimiser keeps.
    ///
    /// A state that does not fit the model is left out with a note, as Keras does.
    ///
    /// - Parameters:
    ///   - compile: the configuration in the form of the file's era.
    ///   - version: the version of Keras that wrote it.
    ///   - outputs: the names of the model's outputs.
    ///   - variables: what the optimiser keeps, in the order of the file; empty where the file has none.
    ///   - layout: the order of the variables.
    ///   - layers: the trainable weights of the file, in its order.
    mutating func takeTraining(
        compile: JSONValue?, version: String?, outputs: [String], variables: [KerasWeight],
        _ layout: KerasOptimizerLayout, of layers: [KerasTrainableLayer]
    ) {
        let known = notes.count
        takeCompilation(compile, version: version, outputs: outputs)
        // What was said of the configuration explains a missing optimiser.
        if KerasOptimizerVariables(compileConfiguration) != nil || notes.count == known {
            takeOptimizerState(variables, layout, of: layers)
        }
    }

    /// Takes what `compile` was told; see ``takeTraining(compile:version:outputs:variables:_:of:)``.
    mutating func takeCompilation(_ compile: JSONValue?, version: String?, outputs: [String]) {
        var reader = KerasCompileReader(version, outputs: outputs)
        compileConfiguration = reader.configuration(compile)
        notes += reader.notes
    }

    /// Takes what the optimiser keeps; see ``takeTraining(compile:version:outputs:variables:_:of:)``.
    mutating func takeOptimizerState(
        _ variables: [KerasWeight], _ layout: KerasOptimizerLayout, of layers: [KerasTrainableLayer]
    ) {
        guard !variables.isEmpty else { return }
        guard let optimizer = KerasOptimizerVariables(compileConfiguration) else {
            notes.append("the optimizer's state is left out, because the file does not say whose it is")
            return
        }
        do {
            optimizerState = try optimizer.state(variables, layout, layers)
        } catch {
            notes.append("the optimizer's state is left out: \(error)")
        }
    }
}

extension HDF5Group {
    /// The variables of an optimiser in the layout of Keras 1 and 2: a group `optimizer_weights` with their names.
    func kerasOptimizerWeights() throws -> [KerasWeight] {
        guard let group = groups["optimizer_weights"] else { return [] }
        return try locating("group 'optimizer_weights'") {
            try (group.strings(named: "weight_names") ?? []).map { KerasWeight($0, try group.weight(at: $0)) }
        }
    }

    /// The variables of an optimiser in the layout of Keras 3: `optimizer/vars/0`, …
    func kerasOptimizerVariables() throws -> [KerasWeight] {
        guard let group = group(at: "optimizer/vars") else { return [] }
        return try locating("group 'optimizer/vars'") {
            try group.datasets.keys.compactMap(Int.init).sorted().map { number in
                KerasWeight("\(number)", try group.weight(at: "\(number)"))
            }
        }
    }
}
