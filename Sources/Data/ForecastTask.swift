public import FerryEngine
public import FerryRuntime
import OrderedCollections

/// A series in a table, to be predicted some steps ahead from windows of itself and other series.
public struct ForecastTask: Sendable, Equatable {
    /// The column to predict.
    public var target: String
    /// The columns that are seen, the target first.
    public let features: [String]
    public var windows: Windows
    public var missing: MissingValues
    /// One scaler for each of ``features``; nil until data were seen.
    public private(set) var scaler: Scaler?
    private let scalerKind: Scaler.Kind

    /// A task with a scaler that ``fit(_:validation:)`` takes from the data.
    public init(
        target: String, features: [String] = [], windows: Windows, missing: MissingValues = .interpolate,
        scaler: Scaler.Kind = .minMax
    ) {
        self.target = target
        self.features = [target] + features.filter { $0 != target }
        self.windows = windows
        self.missing = missing
        scalerKind = scaler
    }

    /// Samples for training and, from the end of the table, for validation; the scaler is taken from the former alone.
    ///
    /// - Throws: ``FerryError`` where columns are missing or the table is too short.
    public mutating func fit(
        _ table: CSVTable, validation share: Double
    ) throws -> (training: TrainingData, validation: TrainingData?) {
        let series = try columns(table)
        let split = try TimeSplit(table.rows.count, validation: share)
        scaler = try Scaler(scalerKind, fitting: series.map { Array($0[split.training]) })
        let training = try locating("training rows") { try samples(series, split.training) }
        guard !split.validation.isEmpty else { return (training, nil) }
        // The first window of the validation may see the end of the training rows, but not their targets.
        let start = max(0, split.validation.lowerBound - windows.length)
        let validation = try locating("validation rows") { try samples(series, start..<split.validation.upperBound) }
        return (training, validation)
    }

    /// A model for the task: the layers, with a Masking before them where steps may be hidden, and a Dense behind.
    ///
    /// - Throws: ``FerryError`` located at the layer that does not fit the one before.
    public func model(_ layers: LayerList, seed: UInt64) throws -> Model {
        var model = try Model(name: "forecast", seed: seed) {
            Input(windows.length, features.count)
            if missing == .mask { Masking(MissingValues.maskValue) }
            for layer in layers.layers { layer }
            Dense(windows.horizon)
        }
        model.metadata.attributes[Self.attribute] = json
        return model
    }

    /// The series of ``features`` with gaps filled; NaN where they stay hidden.
    private func columns(_ table: CSVTable) throws -> [[Double]] {
        try features.map { name in
            try locating("column '\(name)'") { try missing.filled(table.numbers(name)) }
        }
    }

    private func samples(_ series: [[Double]], _ rows: Range<Int>) throws -> TrainingData {
        let scaled = try scaled(series.map { Array($0[rows]) })
        let (x, y) = try windows.samples(scaled.map(hidden), target: scaled[0])
        guard missing == .mask else { return TrainingData(x, y) }
        let known = (0..<y.shape[0]).filter { !y.rows([$0]).floats.contains { $0.isNaN } }
        return TrainingData(x.rows(known), y.rows(known))
    }

    private func scaled(_ series: [[Double]]) throws -> [[Float]] {
        guard let scaler else {
            throw FerryError(.range, found: "a forecast without a scaler", expected: "one that was trained")
        }
        let columns = series.enumerated().map { scaler.transform($1, column: $0) }
        guard missing == .mask else { return columns.map { $0.map { Float($0) } } }
        // A step counts only where every feature is there.
        let hidden = (columns.first ?? []).indices.filter { row in columns.contains { $0[row].isNaN } }
        return columns.enumerated().map { index, column in
            var values = column.map { Float($0) }
            for row in hidden where index > 0 { values[row] = .nan }
            return values
        }
    }

    private func hidden(_ column: [Float]) -> [Float] { column.map { $0.isNaN ? MissingValues.maskValue : $0 } }

    /// Predictions in the units of the data.
    public func unscaled(_ values: [Float]) -> [Double] {
        scaler.map { $0.inverse(values.map(Double.init), column: 0) } ?? values.map(Double.init)
    }

    /// The forecast that follows the last rows of a table, in the units of the data.
    ///
    /// - Throws: ``FerryError`` where columns are missing or the table is shorter than a window.
    public func forecast(_ table: CSVTable, _ session: InferenceSession) throws -> [Double] {
        let series = try columns(table)
        guard table.rows.count >= windows.length else {
            throw FerryError(
                .range, found: "\(table.rows.count) rows",
                expected: "at least \(windows.length), the window of the model")
        }
        let last = try scaled(series.map { Array($0.suffix(windows.length)) }).map(hidden)
        let x = (0..<windows.length).flatMap { step in last.map { $0[step] } }
        let y = try session.predict(Tensor(x, shape: [1, windows.length, features.count]))
        return unscaled(y.floats)
    }
}

extension ForecastTask {
    /// Where a model's metadata keep the task that it was trained for.
    public static let attribute = "forecast"

    /// The task with its scaler, to be kept with a model.
    public var json: JSONValue {
        [
            "target": .string(target), "features": .array(features.map(JSONValue.string)),
            "window": .int(windows.length), "horizon": .int(windows.horizon), "stride": .int(windows.stride),
            "missing": .string(missing.rawValue), "scaler": scaler?.json ?? .null,
        ]
    }

    /// The task that a model was trained for; nil where it was trained for none.
    ///
    /// - Throws: ``FerryError/Code/json`` where the metadata are damaged.
    public init?(of model: Model) throws {
        guard let json = model.metadata.attributes[Self.attribute] else { return nil }
        guard let target = json["target"]?.stringValue,
            let features = json["features"]?.arrayValue?.compactMap(\.stringValue),
            let length = json["window"]?.intValue, let horizon = json["horizon"]?.intValue,
            let missing = json["missing"]?.stringValue.flatMap(MissingValues.init(rawValue:)),
            let scaler = json["scaler"]
        else {
            throw FerryError(
                .json, at: [model.name, "metadata 'forecast'"], found: "an incomplete description",
                expected: "target, features, window, horizon, missing and scaler")
        }
        let known = try Scaler(json: scaler)
        self.init(
            target: target, features: features,
            windows: Windows(length, horizon: horizon, stride: json["stride"]?.intValue ?? 1), missing: missing,
            scaler: known.kind)
        self.scaler = known
    }
}
