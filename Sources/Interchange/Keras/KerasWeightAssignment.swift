import FerryEngine
import FerryRuntime

/// Gives every parameter of a graph its weight from a file.
struct KerasWeightAssignment {
    private let graph: Graph
    /// The layers that have parameters, with what they need.
    private let needs: [(layer: Graph.Layer, specs: [ParameterSpec])]
    private(set) var parameters = ParameterSet()
    /// The trainable weights of the file, in Keras's order.
    private(set) var trainableLayers: [KerasTrainableLayer] = []
    /// What a user should know.
    private(set) var notes: [String] = []

    init(_ graph: Graph) throws {
        self.graph = graph
        var specs: [Int: [ParameterSpec]] = [:]
        for node in graph.nodes where specs[node.layer] == nil {
            specs[node.layer] = try graph.parameterSpecs(of: node)
        }
        needs = graph.layers.indices.compactMap { index in
            guard let specs = specs[index], !specs.isEmpty else { return nil }
            return (graph.layers[index], specs)
        }
    }

    /// Takes weights listed layer by layer, as the HDF5 files of Keras 1 and 2 have them.
    ///
    /// As Keras does, layers are matched in order where their numbers agree, else by name.
    mutating func assign(_ file: [KerasLegacyLayer]) throws {
        let filled = file.filter { !$0.weights.isEmpty }
        let named = Dictionary(filled.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let inOrder = filled.count == needs.count
        var unused = Set(filled.map(\.name))
        for (position, need) in needs.enumerated() {
            guard let source = inOrder ? filled[position] : named[need.layer.name] else {
                throw FerryError.missingWeights(of: need.layer, among: filled.map(\.name))
            }
            unused.remove(source.name)
            trainableLayers.append(KerasTrainableLayer(need.layer, need.specs, weights: source.weights))
            try locating("layer '\(need.layer.name)' (\(need.layer.operation.kind))") {
                try assign(source.weights, to: need.specs, of: need.layer)
            }
        }
        if !unused.isEmpty {
            notes.append("weights of no layer were left out: \(unused.sorted().joined(separator: ", "))")
        }
    }

    /// Takes weights by their paths in the layout of Keras 3.
    mutating func assign(_ root: HDF5Group) throws {
        let containers = Dictionary(uniqueKeysWithValues: graph.kerasContainers().map { ($0.layer.name, $0.container) })
        for need in needs {
            guard let layer = need.layer.operation as? any KerasLayer, let container = containers[need.layer.name]
            else {
                continue
            }
            trainableLayers.append(KerasTrainableLayer(need.layer, need.specs))
            for group in layer.kerasVariables(need.specs) {
                let path = "layers/\(container)" + (group.path.isEmpty ? "" : "/\(group.path)")
                let weights = try KerasVariables(root).weights(at: path)
                try locating("layer '\(need.layer.name)' (\(need.layer.operation.kind))") {
                    let specs = group.parameters.compactMap { name in need.specs.first { $0.name == name } }
                    try take(weights, for: specs, of: need.layer)
                }
            }
        }
    }

    private mutating func assign(_ weights: [KerasWeight], to specs: [ParameterSpec], of layer: Graph.Layer) throws {
        let modern = try (layer.operation as? any KerasLayer)?.modernized(weights, for: specs) ?? weights
        try take(modern, for: specs.filter(\.isTrainable) + specs.filter { !$0.isTrainable }, of: layer)
    }

    private mutating func take(_ weights: [KerasWeight], for specs: [ParameterSpec], of layer: Graph.Layer) throws {
        guard weights.count == specs.count else {
            throw FerryError(
                .missingWeight,
                found: "\(weights.count) weights: \(weights.map { "'\($0.name)'" }.joined(separator: ", "))",
                expected: "\(specs.count): \(specs.map(\.name).joined(separator: ", "))")
        }
        for (weight, spec) in zip(weights, specs) {
            guard weight.tensor.shape == spec.shape else {
                throw FerryError(
                    .shape, at: ["weight '\(weight.name)'"], found: "shape \(weight.tensor.shape)",
                    expected: "\(spec.shape) for '\(spec.name)'",
                    remedy: "check that the weights belong to this architecture")
            }
            parameters["\(layer.name)/\(spec.name)"] = weight.tensor.cast(to: .float32)
        }
    }
}

extension FerryError {
    /// A layer that the file has no weights for; says which name is nearest.
    static func missingWeights(of layer: Graph.Layer, among names: [String]) -> FerryError {
        let nearest = names.min { $0.distance(to: layer.name) < $1.distance(to: layer.name) }
        return FerryError(
            .missingWeight, at: ["layer '\(layer.name)' (\(layer.operation.kind))"], found: "no weights in the file",
            expected: "a group of that name", remedy: nearest.map { "did you mean '\($0)'?" })
    }
}

extension String {
    /// The number of characters to insert, remove or replace to get `other` (Levenshtein 1966).
    func distance(to other: String) -> Int {
        let target = Array(other)
        var row = Array(0...target.count)
        for (i, character) in enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in target.indices {
                let replaced = diagonal + (character == target[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(replaced, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[target.count]
    }
}
