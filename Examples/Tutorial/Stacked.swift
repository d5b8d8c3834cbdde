import Ferry

/// Two LSTMs above each other: the lower one must hand on every step, `returnSequences: true`.
func stacked() throws {
    let x = Tensor((0..<50).flatMap { i in (0..<4).map { Float(i + $0) / 50 } }, shape: [50, 4, 1])
    let y = Tensor((0..<50).map { Float($0 + 4) / 50 }, shape: [50, 1])

    let model = try Model(seed: 3) {
        Input(4, 1)
        LSTM(24, returnSequences: true)
        LSTM(16)
        Dense(1)
    }
    let trainer = try Trainer(
        model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: MeanSquaredError()))
    let history = try trainer.fit(TrainingData(x, y), epochs: 60)

    let next = try InferenceSession(trainer.model).predict(
        Tensor([0.6, 0.62, 0.64, 0.66] as [Float], shape: [1, 4, 1]))
    print("loss \(history.losses[0]) → \(history.losses[59]); 30, 31, 32, 33 → \(next.floats[0] * 50)")
    try expect(abs(next.floats[0] * 50 - 34) < 2, "the next number is about 34")
}
