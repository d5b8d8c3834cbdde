import Ferry
import OrderedCollections

/// The facts about tensors without a graph that `inspect` prints.
struct StateDictSummary {
    private let stateDict: StateDict
    private let file: String

    /// Collects the facts about `stateDict`.
    init(of stateDict: StateDict, file: String) {
        self.stateDict = stateDict
        self.file = file
    }

    /// The error for who wants to see the module.
    var lacksArchitecture: FerryError {
        FerryError(
            .usage, at: [file], found: "tensors without a graph", expected: "a whole model",
            remedy: "give the architecture with --architecture")
    }

    private var elementCount: Int { stateDict.tensors.values.reduce(0) { $0 + $1.shape.product } }

    /// The facts as lines of text.
    var text: String {
        let head = TextTable([
            ["file", file], ["format", stateDict.format ?? "unknown"], ["producer", stateDict.producer ?? "unknown"],
        ]).lines
        let rows = stateDict.tensors.map { name, tensor in
            [name, tensor.dtype.name, "\(tensor.shape)", tensor.shape.product.grouped, tie(name)]
        }
        let table = TextTable([["tensor", "dtype", "shape", "elements", ""]] + rows, rightAligned: [3]).lines
        let metadata = stateDict.metadata.map { "\($0.key): \($0.value)" }
        let total = ["\(stateDict.tensors.count) tensors, \(elementCount.grouped) elements"]
        let sections = [head, table, total, metadata, stateDict.notes.map { "warning: \($0)" }]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private func tie(_ name: String) -> String { stateDict.ties[name].map { "tied to \($0)" } ?? "" }

    /// The facts as one object; its keys do not change.
    var json: JSONValue {
        [
            "file": .string(file),
            "format": stateDict.format.map(JSONValue.string) ?? .null,
            "producer": stateDict.producer.map(JSONValue.string) ?? .null,
            "tensors": .array(
                stateDict.tensors.map { name, tensor in
                    [
                        "name": .string(name), "dtype": .string(tensor.dtype.name),
                        "shape": .array(tensor.shape.map(JSONValue.int)),
                        "tied_to": stateDict.ties[name].map(JSONValue.string) ?? .null,
                    ]
                }),
            "parameters": ["total": .int(elementCount)],
            "metadata": .object(stateDict.metadata.mapValues(JSONValue.string)),
            "warnings": .array(stateDict.notes.map(JSONValue.string)),
        ]
    }
}
