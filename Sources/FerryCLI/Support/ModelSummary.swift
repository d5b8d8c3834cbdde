import Ferry
import OrderedCollections

/// The facts about a model that `inspect` prints.
struct ModelSummary {
    /// One layer of the table.
    struct Layer {
        let name: String
        let kind: String
        let output: ValueType?
        let parameterCount: Int
        let trainableCount: Int
        let isTrainable: Bool
    }

    let file: String
    let model: Model
    let layers: [Layer]

    /// Collects the facts about `model`.
    init(of model: Model, file: String) throws {
        self.file = file
        self.model = model
        layers = try model.graph.layers.enumerated().map { index, layer in
            let node = model.graph.nodes.first { $0.layer == index }
            let specs = try node.map(model.graph.parameterSpecs(of:)) ?? []
            let trainable = layer.isTrainable ? specs.filter(\.isTrainable) : []
            return Layer(
                name: layer.name, kind: layer.operation.kind,
                output: (node?.outputs.first).map(model.graph.type(of:)),
                parameterCount: specs.reduce(0) { $0 + $1.shape.product },
                trainableCount: trainable.reduce(0) { $0 + $1.shape.product },
                isTrainable: layer.isTrainable)
        }
    }

    private var total: Int { layers.reduce(0) { $0 + $1.parameterCount } }
    private var trainable: Int { layers.reduce(0) { $0 + $1.trainableCount } }
}

// For people.
extension ModelSummary {
    /// The facts as lines of text.
    var text: String {
        let sections = [
            head, signature, layerTable, [totals], lifted, remaining, model.metadata.notes.map { "warning: \($0)" },
        ]
        return sections.filter { !$0.isEmpty }.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var head: [String] {
        TextTable([
            ["file", file], ["format", model.metadata.format ?? "unknown"],
            ["producer", model.metadata.producer ?? "unknown"], ["name", model.name],
        ]).lines
    }

    private var signature: [String] {
        let inputs = model.inputs.map { ["input", $0.name, "\($0.type)"] }
        let outputs = model.outputs.map { ["output", $0.name, "\($0.type)"] }
        return TextTable(inputs + outputs).lines
    }

    private var layerTable: [String] {
        let rows = layers.map { layer in
            [
                layer.name, layer.kind, layer.output.map { "\($0.shape)" } ?? "not called",
                layer.parameterCount.grouped, layer.isTrainable ? "yes" : "no",
            ]
        }
        return TextTable([["layer", "kind", "output", "parameters", "trainable"]] + rows, rightAligned: [3]).lines
    }

    private var lifted: [String] {
        (model.metadata.liftReport?.steps ?? []).map { "lifted: \($0.summary) (\($0.count))" }
    }

    private var remaining: [String] {
        (model.metadata.liftReport?.remainders ?? []).map { "not lifted: \($0.name) (\($0.kind)): \($0.reason)" }
    }

    private var totals: String {
        "\(total.grouped) parameters: \(trainable.grouped) trainable, \((total - trainable).grouped) not"
    }
}

// For programs.
extension ModelSummary {
    /// The facts as one object; its keys do not change.
    var json: JSONValue {
        [
            "file": .string(file),
            "format": model.metadata.format.map(JSONValue.string) ?? .null,
            "producer": model.metadata.producer.map(JSONValue.string) ?? .null,
            "name": .string(model.name),
            "inputs": .array(model.inputs.map(json)),
            "outputs": .array(model.outputs.map(json)),
            "layers": .array(layers.map(json)),
            "parameters": [
                "total": .int(total), "trainable": .int(trainable), "non_trainable": .int(total - trainable),
            ],
            "lifted": .array(
                (model.metadata.liftReport?.steps ?? []).map { ["what": .string($0.summary), "count": .int($0.count)] }),
            "not_lifted": .array(
                (model.metadata.liftReport?.remainders ?? []).map {
                    ["name": .string($0.name), "kind": .string($0.kind), "reason": .string($0.reason)]
                }),
            "warnings": .array(model.metadata.notes.map(JSONValue.string)),
        ]
    }

    private func json(_ value: (name: String, type: ValueType)) -> JSONValue {
        ["name": .string(value.name), "dtype": .string(value.type.dtype.rawValue), "shape": json(value.type.shape)]
    }

    private func json(_ layer: Layer) -> JSONValue {
        [
            "name": .string(layer.name), "kind": .string(layer.kind),
            "output_shape": layer.output.map { json($0.shape) } ?? .null,
            "parameters": .int(layer.parameterCount), "trainable": .bool(layer.isTrainable),
        ]
    }

    /// The lengths; null where free.
    private func json(_ shape: [Dimension]) -> JSONValue { .array(shape.map { $0.length.map(JSONValue.int) ?? .null }) }
}
