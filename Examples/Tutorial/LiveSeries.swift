import Ferry

/// A series that arrives one value at a time: trained on windows, then run as a stream that remembers.
func liveSeries() throws {
    let x = Tensor((0..<100).flatMap { i in (0..<25).map { Float(wave(i + $0, period: 25)) } }, shape: [100, 25, 1])
    let y = Tensor((0..<100).flatMap { i in (1...25).map { Float(wave(i + $0, period: 25)) } }, shape: [100, 25, 1])

    let model = try Model(seed: 10) {
        Input(nil, 1)
        LSTM(16, returnSequences: true)
        Dense(1)
    }
    let trainer = try Trainer(
        model, TrainingConfiguration(optimizer: Adam(learningRate: 0.02), loss: MeanSquaredError()))
    _ = try trainer.fit(TrainingData(x, y), epochs: 30)

    var stream = try InferenceSession(trainer.model).stream()
    var error: Float = 0
    for t in 0..<100 {
        let prediction = try stream.step(Tensor([Float(wave(t, period: 25))])).floats[0]
        if t >= 50 { error = max(error, abs(prediction - Float(wave(t + 1, period: 25)))) }
    }
    print("largest error of the last 50 predictions: \(error)")
    try expect(error < 0.3, "the stream predicts the wave")
}
