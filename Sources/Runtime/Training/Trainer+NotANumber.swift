public import FerryEngine

extension Trainer {
    /// What is known about a loss that is no number: the layer that first produced one, and likely causes.
    func notANumber(_ batch: TrainingData, _ loss: Double) -> FerryError {
        if let input = batch.inputs.firstIndex(where: \.isNotFinite) {
            return FerryError(
                .notANumber, at: [source.name, "input '\(source.inputs[input].name)'"],
                found: "NaN or infinity in the data", expected: "numbers",
                remedy: "fill missing values, or mark them with a number and put a Masking layer first")
        }
        if batch.targets.contains(where: \.isNotFinite) {
            return FerryError(
                .notANumber, at: [source.name], found: "NaN or infinity in the targets", expected: "numbers",
                remedy: "leave out the samples whose target is missing")
        }
        return FerryError(
            .notANumber, at: [source.name] + (firstFailingLayer(batch).map { ["layer '\($0)'"] } ?? []),
            found: "the loss is \(loss) after \(optimizerState.iteration) updates", expected: "a number",
            remedy: "lower the learning rate (now \(learningRate)), clip the gradients (clipnorm), or scale the data")
    }

    /// The first layer in the order of computation whose parameters or outputs are not finite.
    private func firstFailingLayer(_ batch: TrainingData) -> String? {
        for (layer, parameters) in zip(graph.layers, layerParameters) {
            if parameters.names.contains(where: { parameters[$0]?.isNotFinite == true }) { return layer.name }
        }
        var pass = TrainingPass(seed: seed, state: layerState)
        let tape = try? GraphTape(
            graph, Slots(batch.inputs.map { Signal($0) }), layers: layerParameters, &pass, stopsAtFailure: true)
        return tape?.failingLayer
    }
}

extension Tensor {
    /// Whether an element is NaN or infinite.
    var isNotFinite: Bool { dtype.isFloat && floats.contains { !$0.isFinite } }
}

extension FerryError.Code {
    /// A loss or data that are NaN or infinite.
    public static let notANumber = Self("notANumber")
}
