import Ferry

/// The exercise: another pattern, here doubled numbers, learned by the same model.
func anotherPattern() throws {
    // 2 4 6 → 8, 4 6 8 → 10, …
    let x = Tensor((1...40).flatMap { i in (0..<3).map { Float(2 * (i + $0)) / 100 } }, shape: [40, 3, 1])
    let y = Tensor((1...40).map { Float(2 * ($0 + 3)) / 100 }, shape: [40, 1])

    let model = try Model(seed: 4) {
        Input(3, 1)
        LSTM(32, activation: .relu)
        Dense(1)
    }
    let trainer = try Trainer(
        model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: MeanSquaredError()))
    _ = try trainer.fit(TrainingData(x, y), epochs: 100)

    let next = try InferenceSession(trainer.model).predict(Tensor([0.5, 0.52, 0.54] as [Float], shape: [1, 3, 1]))
    print("50, 52, 54 → \(next.floats[0] * 100)")
    try expect(abs(next.floats[0] * 100 - 56) < 3, "the next number is about 56")
}
