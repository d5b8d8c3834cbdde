import Ferry

/// Forecasting a series in its own units: scale, cut into windows, train, forecast, scale back.
func scaledSeries() throws {
    // Three years of monthly visitors, rising and with a season.
    let visitors = (0..<96).map { month in 1000 + 8 * Double(month) + 200 * wave(month, period: 12) }
    let scaler = try Scaler(.minMax, fitting: [Array(visitors[..<72])])
    let scaled = scaler.transform(visitors).map { Float($0) }
    let windows = Windows(12)
    let (x, y) = try windows.samples([Array(scaled[..<72])], target: Array(scaled[..<72]))

    let model = try Model(seed: 5) {
        Input(12, 1)
        LSTM(24)
        Dense(1)
    }
    let trainer = try Trainer(
        model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: MeanSquaredError()))
    var options = FitOptions(epochs: 120, batchSize: 16)
    options.validationShare = 0.2
    let stopping = EarlyStopping(patience: 30, restoresBest: true)
    let history = try trainer.fit(TrainingData(x, y), options, callbacks: [stopping])

    let session = try InferenceSession(trainer.model)
    let (recent, actual) = try windows.samples([Array(scaled[60..<84])], target: Array(scaled[60..<84]))
    let forecast = scaler.inverse(try session.predict(recent).floats.map(Double.init))
    let truth = scaler.inverse(actual.floats.map(Double.init))
    let error = zip(forecast, truth).map { abs($0 - $1) }.reduce(0, +) / Double(truth.count)
    print("\(history.epochs.count) epochs; off by \(Int(error)) of about \(Int(truth[0])) visitors on average")
    try expect(error < 150, "the forecast is close")
}
