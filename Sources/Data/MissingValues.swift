package import FerryEngine

/// What stands for the missing values of a series.
public enum MissingValues: String, Sendable, CaseIterable {
    /// The straight line between the neighbours that are there; at the ends the nearest of them.
    case interpolate
    /// The last value that is there; before the first one, the first.
    case forward = "ffill"
    /// The mean of the values that are there.
    case mean
    /// A number that a Masking layer hides, for every feature of the time step.
    case mask

    /// The number that ``mask`` fills hidden steps with; outside of what scalers give.
    public static let maskValue: Float = -10

    /// The series without gaps; ``mask`` leaves NaN where values are missing.
    ///
    /// - Throws: ``FerryError/Code/range`` where no value is there at all.
    public func filled(_ series: [Double?]) throws -> [Double] {
        let known = series.indices.filter { series[$0] != nil }
        guard let first = known.first, let last = known.last else {
            throw FerryError(.range, found: "a series without any value", expected: "some values")
        }
        func value(_ index: Int) -> Double { series[index] ?? .nan }
        switch self {
        case .mask: return series.map { $0 ?? .nan }
        case .mean:
            let mean = known.reduce(0) { $0 + value($1) } / Double(known.count)
            return series.map { $0 ?? mean }
        case .forward:
            var latest = value(first)
            return series.map { next in
                latest = next ?? latest
                return latest
            }
        case .interpolate:
            var result = series.map { $0 ?? 0 }
            for index in 0..<first { result[index] = value(first) }
            for index in (last + 1)..<max(series.count, last + 1) { result[index] = value(last) }
            for (a, b) in zip(known, known.dropFirst()) where b > a + 1 {
                for index in (a + 1)..<b {
                    result[index] = value(a) + (value(b) - value(a)) * Double(index - a) / Double(b - a)
                }
            }
            return result
        }
    }
}
