public import FerryEngine
import OrderedCollections

/// Brings the columns of data to a common size, and predictions back to the units of the data: (x − offset) / scale.
public struct Scaler: Sendable, Equatable {
    /// How offset and scale are taken from data.
    public enum Kind: String, Sendable, CaseIterable {
        /// The smallest value becomes 0, the largest 1.
        case minMax = "minmax"
        /// The mean becomes 0, the standard deviation 1.
        case standard
        /// The median becomes 0, the distance between the quartiles 1.
        case robust
        /// Nothing changes.
        case none
    }

    /// How it was made.
    public let kind: Kind
    /// What is taken away, one number for each column.
    public let offsets: [Double]
    /// What is then divided by, one number for each column.
    public let scales: [Double]

    /// Takes offsets and scales from columns, each without its missing values (NaN).
    ///
    /// - Throws: ``FerryError/Code/range`` where a column has no values.
    public init(_ kind: Kind, fitting columns: [[Double]]) throws {
        self.kind = kind
        let moments = try columns.enumerated().map { index, column in
            let values = column.filter { !$0.isNaN }
            guard !values.isEmpty else {
                throw FerryError(.range, found: "no values in column \(index)", expected: "some to scale by")
            }
            return Self.moments(kind, values)
        }
        offsets = moments.map(\.offset)
        // A column that never changes stays where it is.
        scales = moments.map { $0.scale == 0 ? 1 : $0.scale }
    }

    private init(_ kind: Kind, offsets: [Double], scales: [Double]) {
        self.kind = kind
        self.offsets = offsets
        self.scales = scales
    }

    /// A column's numbers brought to size.
    public func transform(_ values: [Double], column: Int = 0) -> [Double] {
        values.map { ($0 - offsets[column]) / scales[column] }
    }

    /// The numbers that ``transform(_:column:)`` brought to size.
    public func inverse(_ values: [Double], column: Int = 0) -> [Double] {
        values.map { $0 * scales[column] + offsets[column] }
    }

    /// The scaler of one column.
    public func column(_ index: Int) -> Scaler { Scaler(kind, offsets: [offsets[index]], scales: [scales[index]]) }

    private static func moments(_ kind: Kind, _ values: [Double]) -> (offset: Double, scale: Double) {
        switch kind {
        case .none: return (0, 1)
        case .minMax:
            let (low, high) = (values.min() ?? 0, values.max() ?? 1)
            return (low, high - low)
        case .standard:
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)
            return (mean, variance.squareRoot())
        case .robust:
            let sorted = values.sorted()
            return (quantile(sorted, 0.5), quantile(sorted, 0.75) - quantile(sorted, 0.25))
        }
    }

    /// The quantile of sorted values, between neighbours on a straight line (NumPy's default).
    private static func quantile(_ sorted: [Double], _ share: Double) -> Double {
        let place = share * Double(sorted.count - 1)
        let below = Int(place)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
}

extension Scaler {
    /// The scaler as JSON, to be kept with a model.
    public var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "offsets": .array(offsets.map(JSONValue.double)),
            "scales": .array(scales.map(JSONValue.double)),
        ]
    }

    /// The scaler that ``json`` describes.
    ///
    /// - Throws: ``FerryError/Code/json`` where `json` does not.
    public init(json: JSONValue) throws {
        guard let kind = json["kind"]?.stringValue.flatMap(Kind.init(rawValue:)),
            let offsets = json["offsets"]?.arrayValue?.compactMap(\.doubleValue),
            let scales = json["scales"]?.arrayValue?.compactMap(\.doubleValue), offsets.count == scales.count
        else {
            throw FerryError(.json, found: "\(json.kind) that is no scaler", expected: "kind, offsets and scales")
        }
        self.init(kind, offsets: offsets, scales: scales)
    }
}
