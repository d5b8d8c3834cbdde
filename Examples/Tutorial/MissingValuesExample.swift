import Ferry

/// Several series with gaps: a table, columns picked from it, gaps filled, and a forecast of two steps.
func missingValues() throws {
    var csv = "day,load,temperature\n"
    for day in 0..<120 {
        let temperature = 10 + 8 * wave(day, period: 30)
        // Every seventh temperature and some loads were not written down.
        let load = day % 17 == 3 ? "" : "\(500 - 12 * temperature)"
        csv += "\(day),\(load),\(day % 7 == 0 ? "NA" : "\(temperature)")\n"
    }
    let table = try CSVTable(parsing: csv)
    var task = ForecastTask(
        target: "load", features: ["temperature"], windows: Windows(14, horizon: 2), missing: .interpolate,
        scaler: .standard)
    let (training, validation) = try task.fit(table, validation: 0.2)

    let model = try task.model(LayerList("lstm:20,dropout:0.1"), seed: 8)
    let trainer = try Trainer(model, TrainingConfiguration(optimizer: Adam(learningRate: 0.01), loss: Huber()))
    var options = FitOptions(epochs: 60)
    options.validation = validation
    let history = try trainer.fit(training, options)

    let forecast = try task.forecast(table, InferenceSession(trainer.model))
    print("validation loss \(history.values("val_loss")[59]); the next two loads: \(forecast.map { Int($0) })")
    try expect(forecast.allSatisfy { 200..<550 ~= $0 }, "the forecast is in the units of the data")
}
