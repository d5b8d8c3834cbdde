import Ferry

/// LSTM against GRU: parameters, time and loss.
func lstmOrGRU() throws {
    let x = Tensor((0..<80).flatMap { i in (0..<10).map { Float(wave(i + $0, period: 25)) } }, shape: [80, 10, 1])
    let y = Tensor((0..<80).map { Float(wave($0 + 10, period: 25)) }, shape: [80, 1])
    let layers: [(name: String, layer: any Operator)] = [("LSTM", LSTM(24)), ("GRU", GRU(24))]

    for (name, layer) in layers {
        let model = try Model(seed: 7) {
            Input(10, 1)
            layer
            Dense(1)
        }
        let trainer = try Trainer(
            model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: MeanSquaredError()))
        let clock = ContinuousClock()
        var losses: [Double] = []
        let time = try clock.measure { losses = try trainer.fit(TrainingData(x, y), epochs: 40).losses }
        print("\(name): \(model.parameters.elementCount) parameters, \(time), loss \(losses[0]) → \(losses[39])")
        try expect(losses[39] < losses[0] / 4, "\(name) learns")
    }
}
