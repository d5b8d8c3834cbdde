import FerryEngine
import FerryRuntime
import OrderedCollections

/// The training of a model as a file of Keras holds it.
struct KerasTraining {
    /// What `compile` was told, in the form of the file.
    let configuration: JSONValue
    /// What the optimiser keeps, in the order of the file; empty where nothing is known of it.
    let variables: [KerasWeight]

    /// The training of `model` for a version of Keras and a container, and what a user should know about it.
    ///
    /// - Returns: nil where the model was not compiled, or where Keras could not open the file with it.
    static func of(
        _ model: Model, _ version: KerasVersion, _ container: KerasCompileWriter.Container
    ) throws -> (KerasTraining?, notes: [String]) {
        guard let configuration = model.metadata.compileConfiguration, !configuration.isNull else {
            return (nil, [])
        }
        let state = model.metadata.optimizerState
        var writer = KerasCompileWriter(version, container, learningRate: state?.learningRate)
        let written: JSONValue
        do { written = try writer.write(configuration) } catch let error as FerryError {
            return (nil, ["the training configuration is left out, compile the model again to train it: \(error)"])
        }
        guard let state, let optimizer = KerasOptimizerVariables(configuration) else {
            return (KerasTraining(configuration: written, variables: []), writer.notes)
        }
        let isLegacy = !version.isKeras3 && container == .hdf5 && configuration["optimizer"]?.isLegacyOptimizer == true
        let layout: KerasOptimizerLayout = version.isKeras3 ? .keras3 : isLegacy ? .legacy : .keras2
        let parameters = try model.graph.kerasTrainableParameters()
        let variables = try locating("optimizer state") { try optimizer.variables(of: state, layout, parameters) }
        let lost = version.isKeras3 && container == .hdf5 ? [keras3CannotTrainFromHDF5] : []
        return (KerasTraining(configuration: written, variables: variables), writer.notes + lost)
    }

    /// Keras 3.15 builds the optimiser of an HDF5 file for no variables, also of its own files
    /// (`legacy_h5_format.load_model_from_hdf5`).
    private static let keras3CannotTrainFromHDF5 =
        "the optimizer's state is in the file, but Keras 3 cannot train on from .h5, not even from its own; compile the "
        + "model again there, or write .keras"
}

extension HDF5Group {
    /// Variables under their names, listed in order.
    init(_ variables: [KerasWeight]) throws {
        self.init()
        var names: [String] = []
        for variable in variables {
            // Names that only differ in where a slash or an underscore stands may meet.
            var name = variable.name
            while names.contains(name) { name += "_" }
            names.append(name)
            insert(HDF5Dataset(variable.tensor), at: name)
        }
        try setStrings(names, named: "weight_names")
    }
}

extension Graph {
    /// The trainable parameters in the order in which Keras lists them: layer by layer.
    fileprivate func kerasTrainableParameters() throws -> [ParameterSpec] {
        var specs: [Int: [ParameterSpec]] = [:]
        for node in nodes where specs[node.layer] == nil {
            specs[node.layer] = try parameterSpecs(of: node).map { $0.scoped(to: layer(of: node).name) }
        }
        return layers.indices.flatMap { specs[$0] ?? [] }.filter(\.isTrainable)
    }
}

extension OptimizerState {
    /// The state of the same optimiser for parameters that were multiplied by `factors`, under their names: gradients
    /// are divided by them, squares of gradients by their squares.
    func rescaled(by factors: ParameterSet) throws -> OptimizerState {
        var copy = self
        let slots = KerasCatalogue.optimizer(optimizer)?.allSlots ?? []
        for (slotName, set) in self.slots {
            guard let power = slots.first(where: { $0.name == slotName })?.power, power != 0 else { continue }
            var scaled = set
            for name in set.names {
                guard let tensor = set[name], let factor = factors[name], factor.shape == tensor.shape else { continue }
                scaled[name] = try tensor.combining(factor) { (value: Float, factor: Float) -> Float in
                    (0..<abs(power)).reduce(value) { result, _ in power > 0 ? result * factor : result / factor }
                }
            }
            copy.slots[slotName] = scaled
        }
        return copy
    }
}
