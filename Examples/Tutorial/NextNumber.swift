import Ferry

/// The first example of every course: three numbers of a sequence go in, the next one comes out.
func nextNumber() throws {
    // 0 1 2 → 3, 1 2 3 → 4, … : 50 samples [samples, time, features].
    let x = Tensor((0..<50).flatMap { i in (0..<3).map { Float(i + $0) } }, shape: [50, 3, 1])
    let y = Tensor((0..<50).map { Float($0 + 3) }, shape: [50, 1])

    let model = try Model(seed: 1) {
        Input(3, 1)
        LSTM(50, activation: .relu)
        Dense(1)
    }
    let trainer = try Trainer(model, TrainingConfiguration(optimizer: Adam(), loss: MeanSquaredError()))
    let history = try trainer.fit(TrainingData(x, y), epochs: 200)

    let session = try InferenceSession(trainer.model)
    let prediction = try session.predict(Tensor([50, 51, 52] as [Float], shape: [1, 3, 1])).floats[0]
    print("loss \(history.losses[0]) → \(history.losses[199])")
    print("50, 51, 52 → \(prediction)")
    try expect(abs(prediction - 53) < 1.5, "the next number is about 53")
}
