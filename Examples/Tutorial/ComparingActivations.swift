import Ferry

/// The same model with different activations: how far does each get in the same time?
func comparingActivations() throws {
    let x = Tensor((0..<60).flatMap { i in (0..<6).map { Float(wave(i + $0, period: 20)) } }, shape: [60, 6, 1])
    let y = Tensor((0..<60).map { Float(wave($0 + 6, period: 20)) }, shape: [60, 1])

    for activation in [ActivationFunction.tanh, .relu, .elu(alpha: 1), .softsign] {
        let model = try Model(seed: 6) {
            Input(6, 1)
            LSTM(16, activation: activation)
            Dense(1)
        }
        let trainer = try Trainer(
            model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: MeanSquaredError()))
        let history = try trainer.fit(TrainingData(x, y), epochs: 40)
        print("\(activation): loss \(history.losses[0]) → \(history.losses[39])")
        try expect(history.losses[39] < history.losses[0] / 4, "\(activation) learns")
    }
}
