import CAllocations
import Ferry
import OrderedCollections

/// Times calls.
struct Measurement {
    private static let patience = Duration.seconds(3)

    /// How long each call took.
    let samples: [Duration]
    /// How often the calls asked the heap for memory; nil where nobody counts.
    let allocations: Int?

    /// Measures `count` calls after some that are not counted; nil stops after three seconds.
    init(count: Int?, _ body: () throws -> Void) throws {
        let clock = ContinuousClock()
        let start = clock.now
        for call in 0..<20 where call < 3 || start.duration(to: clock.now) < Self.patience / 10 { try body() }

        let begin = clock.now
        var samples: [Duration] = []
        samples.reserveCapacity(count ?? 10_000)
        let before = ferry_allocation_count()
        while samples.count < count ?? 10_000 {
            samples.append(try clock.measure(body))
            if count == nil, samples.count >= 10, begin.duration(to: clock.now) > Self.patience { break }
        }
        self.samples = samples
        allocations = before < 0 ? nil : Int(ferry_allocation_count() - before)
    }
}

/// What `bench` prints.
struct BenchReport {
    let file: String
    let shapes: [(name: String, shape: [Int])]
    let isStream: Bool
    let threads: Int
    /// Heap allocations for each call; nil where nobody counts.
    private let allocations: Double?
    /// Microseconds, the shortest first.
    private let microseconds: [Double]

    /// A report on calls of the given durations.
    init(
        file: String, shapes: [(name: String, shape: [Int])], isStream: Bool, threads: Int, _ measurement: Measurement
    ) {
        self.file = file
        self.shapes = shapes
        self.isStream = isStream
        self.threads = threads
        allocations = measurement.allocations.map { Double($0) / Double(measurement.samples.count) }
        microseconds = measurement.samples.map { $0 / .microseconds(1) }.sorted()
    }

    /// The sample below which `share` of all lie (nearest rank).
    private func percentile(_ share: Double) -> Double {
        microseconds[min(Int((share * Double(microseconds.count)).rounded(.up)), microseconds.count) - 1]
    }

    /// The numbers for people.
    var text: String {
        let rows = [("median", 0.5), ("p90", 0.9), ("p99", 0.99)].map { name, share in
            [name, "\((percentile(share) * 100).rounded() / 100)", "µs"]
        }
        let inputs = shapes.map { "\($0.name) \($0.shape)" }.joined(separator: ", ")
        let what = isStream ? "one time step" : "one call"
        let head = "\(file): \(what), \(inputs), \(microseconds.count) runs"
        let count = allocations.map { $0 == $0.rounded() ? "\(Int($0))" : "\(($0 * 100).rounded() / 100)" }
        let lines = [head] + TextTable(rows, rightAligned: [1]).lines + ["allocations: \(count ?? "not counted")"]
        return lines.joined(separator: "\n")
    }

    /// The same numbers as one object; its keys do not change.
    var json: JSONValue {
        [
            "file": .string(file),
            "stream": .bool(isStream),
            "shapes": .object(
                .init(shapes.map { ($0.name, .array($0.shape.map(JSONValue.int))) }, uniquingKeysWith: { $1 })),
            "threads": .int(threads),
            "runs": .int(microseconds.count),
            "median_us": .double(percentile(0.5)),
            "p90_us": .double(percentile(0.9)),
            "p99_us": .double(percentile(0.99)),
            "allocations": allocations.map { $0 == $0.rounded() ? .int(Int($0)) : .double($0) } ?? .null,
        ]
    }
}
