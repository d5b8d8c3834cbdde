import Ferry

/// Which kind of wave is it? Classes with probabilities, and how sure the model is.
func classification() throws {
    var random = RandomSource(seed: 11)
    let names = ["slow", "fast", "noise"]
    func sample(_ kind: Int) -> [Float] {
        let start = Int.random(in: 0..<40, using: &random)
        return (0..<20).map { t in
            kind == 2 ? Float.random(in: -1...1, using: &random) : Float(wave(start + t, period: kind == 0 ? 20 : 6))
        }
    }
    let kinds = (0..<120).map { $0 % 3 }
    let x = Tensor(kinds.flatMap(sample), shape: [120, 20, 1])
    let y = Tensor(kinds.map { Int32($0) })

    let model = try Model(seed: 9) {
        Input(20, 1)
        Bidirectional(GRU(12))
        Dense(3, activation: .softmax)
    }
    let trainer = try Trainer(
        model,
        TrainingConfiguration(
            optimizer: Adam(learningRate: 0.02), loss: SparseCategoricalCrossentropy(), metrics: [Accuracy()]))
    var options = FitOptions(epochs: 25)
    options.validationShare = 0.25
    let history = try trainer.fit(TrainingData(x, y), options)

    let probabilities = try InferenceSession(trainer.model).predict(Tensor(sample(1), shape: [1, 20, 1])).floats
    let shares = zip(names, probabilities).map { "\($0) \(Int($1 * 100)) %" }.joined(separator: ", ")
    print("validation accuracy \(history.values("val_accuracy")[24]); a fast wave: \(shares)")
    try expect((history.values("val_accuracy").last ?? 0) > 0.8, "most waves are told apart")
}
