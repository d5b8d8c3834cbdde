import FerryEngine
import FerryInterchange
import FerryRuntime
import FerryTestSupport
import OrderedCollections
import Testing

/// What a file says of a model's training survives every way through Ferry.
///
/// Whether Keras then trains on as if nothing had happened is what `Tests/interop/training.py` asks.
struct KerasTrainingTests {
    static let trained = (Fixture.all(in: "keras2") + Fixture.all(in: "keras3")).filter {
        $0.caseName.hasPrefix("trained_")
    }

    @Test(arguments: trained)
    func readsTheStateOfEveryTrainableParameter(_ fixture: Fixture) throws {
        let model = try Model(contentsOf: fixture.path)
        let state = try #require(model.metadata.optimizerState)
        #expect(state.iteration == 2)
        #expect(model.metadata.notes.isEmpty)
        let trainable = try model.graph.parameterSpecs().filter(\.isTrainable)
        for (name, slot) in state.slots {
            #expect(slot.names.sorted() == trainable.map(\.name).sorted(), "\(name)")
            for spec in trainable { #expect(slot[spec.name]?.shape == spec.shape) }
        }
    }

    @Test(arguments: zip(["trained_adam", "trained_sgd", "trained_rmsprop"], slots))
    func namesTheSlotsAsKeras3Does(_ name: String, _ slots: [String]) throws {
        for fixture in Self.trained where fixture.caseName == name {
            let state = try #require(try Model(contentsOf: fixture.path).metadata.optimizerState)
            #expect(state.slots.keys.elements == slots, "\(fixture.name)")
        }
    }

    private static let slots = [["momentum", "velocity", "velocity_hat"], ["momentum"], ["velocity"]]

    @Test(arguments: trained, [2, 3])
    func weightsAloneKeepTheStateToo(_ fixture: Fixture, _ version: Int) throws {
        let model = try Model(contentsOf: fixture.path)
        let folder = try TemporaryFolder()
        for file in ["whole.keras", "alone.weights.h5"] {
            try model.write(to: folder(file), options: WriteOptions(kerasVersion: version))
        }
        let options = ReadOptions(architecture: folder("whole.keras"))
        let again = try Model(contentsOf: folder("alone.weights.h5"), options: options)
        #expect(again.metadata.optimizerState == (try Model(contentsOf: folder("whole.keras"))).metadata.optimizerState)
        #expect(again.metadata.optimizerState != nil)
    }

    @Test(arguments: trained, [("again.keras", 3), ("again.h5", 3), ("again.keras", 2), ("again.h5", 2)])
    func survivesTheRoundTrip(_ fixture: Fixture, _ target: (file: String, keras: Int)) throws {
        let model = try Model(contentsOf: fixture.path)
        let folder = try TemporaryFolder()
        try model.write(to: folder(target.file), options: WriteOptions(kerasVersion: target.keras))
        let again = try Model(contentsOf: folder(target.file))
        var (before, after) = (model.metadata.optimizerState, again.metadata.optimizerState)
        // Keras 2 saves the learning rate among the settings only.
        before?.learningRate = nil
        after?.learningRate = nil
        #expect(after == before)
        let (old, new) = (model.metadata.compileConfiguration, again.metadata.compileConfiguration)
        #expect(new?["optimizer"]?["class_name"] == old?["optimizer"]?["class_name"])
        let settings = old?["optimizer"]?["config"]?.objectValue ?? [:]
        for (name, value) in settings {
            let found = new?["optimizer"]?["config"]?[name]
            #expect(found == value || found?.doubleValue == value.doubleValue, "\(name)")
        }
    }
}

/// The layouts of optimisers that only old versions wrote.
struct OldOptimizerLayoutTests {
    private static let path = Fixture.root + "/fixtures/keras2/trained_adam/model.h5"

    /// The state in a copy of a file of TensorFlow 2.12 whose optimiser is rewritten by an old version's habits.
    private func state(
        _ configuration: String, version: String, _ rewrite: ([KerasWeight]) -> [KerasWeight]
    ) throws -> (ModelMetadata, new: OptimizerState) {
        let new = try #require(try Model(contentsOf: Self.path).metadata.optimizerState)
        var root = try HDF5Group(contentsOf: Self.path)
        let group = try #require(root.groups["optimizer_weights"])
        let names = try #require(try group.strings(named: "weight_names"))
        let variables = rewrite(
            try names.map { KerasWeight($0, try #require(group.dataset(at: $0)).tensor) })
        var rewritten = HDF5Group()
        for variable in variables { rewritten.insert(HDF5Dataset(variable.tensor), at: variable.name) }
        try rewritten.setStrings(variables.map(\.name), named: "weight_names")
        root.groups["optimizer_weights"] = rewritten
        root.attributes["keras_version"] = .string(version)
        root.attributes["training_config"] = .string(
            "{\"loss\": \"mse\", \"metrics\": [], \"loss_weights\": null, \"sample_weight_mode\": null, "
                + "\"optimizer_config\": \(configuration)}")
        let folder = try TemporaryFolder()
        try root.write(to: folder("model.h5"))
        return (try Model(contentsOf: folder("model.h5")).metadata, new)
    }

    /// The variables as OptimizerV2 lists them: one slot after another.
    private func slotBySlot(_ variables: [KerasWeight], _ slots: [String]) -> [KerasWeight] {
        slots.flatMap { slot in variables.filter { $0.name.contains("/\(slot)/") } }
    }

    @Test func optimizerV2() throws {
        let adam =
            "{\"class_name\": \"Adam\", \"config\": {\"name\": \"Adam\", \"learning_rate\": 0.01, \"decay\": 0.5, "
            + "\"beta_1\": 0.9, \"beta_2\": 0.999, \"epsilon\": 1e-07, \"amsgrad\": true}}"
        let (metadata, new) = try state(adam, version: "2.4.0") { variables in
            [KerasWeight("Adam/iter:0", variables[0].tensor)] + slotBySlot(variables, ["m", "v", "vhat"])
        }
        #expect(metadata.optimizerState == new)
        let optimizer = metadata.compileConfiguration?["optimizer"]
        #expect(optimizer?["module"] == "keras.optimizers.legacy")
        #expect(optimizer?["config"]?["learning_rate"]?["class_name"] == "InverseTimeDecay")
        #expect(optimizer?["config"]?["learning_rate"]?["config"]?["decay_rate"] == 0.5)
    }

    @Test func kerasOnItsOwn() throws {
        let adam =
            "{\"class_name\": \"Adam\", \"config\": {\"lr\": 0.01, \"beta_1\": 0.9, \"beta_2\": 0.999, "
            + "\"decay\": 0.0, \"epsilon\": null, \"amsgrad\": false, \"clipnorm\": 1.0}}"
        let (metadata, new) = try state(adam, version: "2.2.4") { variables in
            let kept = [variables[0]] + slotBySlot(variables, ["m", "v"])
            let count = (kept.count - 1) / 2
            let padding = (0..<count).map { KerasWeight("pad_\($0)", Tensor([Float(0)])) }
            return (kept + padding).enumerated().map {
                KerasWeight("training/Adam/Variable_\($0):0", $1.tensor)
            }
        }
        let state = try #require(metadata.optimizerState)
        #expect(state.iteration == new.iteration)
        #expect(state.slots.keys.elements == ["momentum", "velocity"])
        for slot in state.slots.keys { #expect(state.slots[slot] == new.slots[slot]) }
        let settings = metadata.compileConfiguration?["optimizer"]?["config"]
        #expect(settings?["learning_rate"] == 0.01)
        #expect(settings?["epsilon"] == 1e-7)
        // Keras 1 and 2 on their own clip by the norm of all gradients together.
        #expect(settings?["clipnorm"] == .null && settings?["global_clipnorm"] == 1.0)
    }

    @Test func aStateThatDoesNotFitIsLeftOutWithANote() throws {
        let adam = "{\"class_name\": \"Adam\", \"config\": {\"lr\": 0.01}}"
        let (metadata, _) = try state(adam, version: "2.2.4") { Array($0.prefix(4)) }
        #expect(metadata.optimizerState == nil)
        #expect(
            metadata.notes == [
                "the optimizer's state is left out: 4 variables that are not those of Adam; 10 for 5 trainable weights"
            ])
    }

    @Test func anUnknownOptimizerIsNamed() throws {
        let own = "{\"class_name\": \"Sophia\", \"config\": {\"lr\": 0.01}}"
        let (metadata, _) = try state(own, version: "2.2.4") { $0 }
        #expect(metadata.notes == ["the optimizer 'Sophia' is none that Ferry knows; its state is left out"])
    }
}
