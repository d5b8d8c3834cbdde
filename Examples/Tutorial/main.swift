import Ferry

/// The examples of a usual course on LSTMs; `swift run examples NAME`, or all of them without a name.
let examples: [(name: String, run: () throws -> Void)] = [
    ("next-number", nextNumber), ("stacked", stacked), ("next-word", nextWord), ("scaled-series", scaledSeries),
    ("another-pattern", anotherPattern), ("activations", comparingActivations), ("lstm-or-gru", lstmOrGRU),
    ("missing-values", missingValues), ("classification", classification), ("live-series", liveSeries),
]

let names = Array(CommandLine.arguments.dropFirst())
for name in names where !examples.contains(where: { $0.name == name }) {
    print("there is no example '\(name)'; there are: \(examples.map(\.name).joined(separator: ", "))")
}
for example in examples where names.isEmpty || names.contains(example.name) {
    print("— \(example.name)")
    try example.run()
}
