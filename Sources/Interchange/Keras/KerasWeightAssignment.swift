import FerryEngine
import FerryRuntime

/// Gives every parameter of a graph its weight from a file, and reports on it.
///
/// Everything is tried before anything is refused, so that one error names all that is wrong.
struct KerasWeightAssignment {
    private let graph: Graph
    /// The layers that have parameters, with what they need.
    private let needs: [(layer: Graph.Layer, specs: [ParameterSpec])]
    private var errors: [FerryError] = []
    private(set) var parameters = ParameterSet()
    /// The trainable weights of the file, in Keras's order.
    private(set) var trainableLayers: [KerasTrainableLayer] = []
    private(set) var report = LoadReport()

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
    /// - Throws: one ``FerryError`` that names every layer without its weights.
    mutating func assign(_ file: [KerasLegacyLayer]) throws {
        let filled = file.filter { !$0.weights.isEmpty }
        let sources = sources(among: filled)
        let used = Set(sources.compactMap { $0?.name })
        let left = filled.map(\.name).filter { !used.contains($0) }
        for (need, source) in zip(needs, sources) {
            guard let source else {
                miss(need.layer, among: left)
                continue
            }
            if source.name != need.layer.name {
                report.renamed.append(.init(parameter: need.layer.name, weight: source.name))
            }
            trainableLayers.append(KerasTrainableLayer(need.layer, need.specs, weights: source.weights))
            collecting(need.layer) { assignment in
                let specs = need.specs
                let modern =
                    try (need.layer.operation as? any KerasLayer)?.modernized(source.weights, for: specs)
                    ?? source.weights
                try assignment.take(
                    modern, for: specs.filter(\.isTrainable) + specs.filter { !$0.isTrainable }, of: need.layer)
            }
        }
        report.unused = left
        try finish()
    }

    /// The weights for each layer that needs some: by name where the file names the same layers, else in order where
    /// there are as many, as Keras does it, else by name where it fits.
    private func sources(among filled: [KerasLegacyLayer]) -> [KerasLegacyLayer?] {
        let named = Dictionary(filled.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let namesAgree = Set(named.keys) == Set(needs.map(\.layer.name))
        return !namesAgree && filled.count == needs.count ? filled : needs.map { named[$0.layer.name] }
    }

    /// Takes weights by their paths in the layout of Keras 3.
    ///
    /// - Throws: one ``FerryError`` that names every layer without its weights.
    mutating func assign(_ root: HDF5Group) throws {
        var variables = KerasVariables(root)
        let containers = Dictionary(uniqueKeysWithValues: graph.kerasContainers().map { ($0.layer.name, $0.container) })
        for need in needs {
            guard let container = containers[need.layer.name] else { continue }
            trainableLayers.append(KerasTrainableLayer(need.layer, need.specs))
            for group in need.layer.operation.kerasVariableGroups(need.specs) {
                let path = "layers/\(container)" + (group.path.isEmpty ? "" : "/\(group.path)")
                guard let weights = try variables.take(at: path) else {
                    miss(need.layer, group: path, among: variables.unused)
                    break
                }
                collecting(need.layer) { assignment in
                    let specs = group.parameters.compactMap { name in need.specs.first { $0.name == name } }
                    try assignment.take(weights, for: specs, of: need.layer)
                }
            }
        }
        report.unused = variables.unused
        try finish()
    }

    private mutating func miss(_ layer: Graph.Layer, group: String? = nil, among names: [String]) {
        let nearest = (group ?? layer.name).nearest(among: names)
        report.missing.append(.init(layer: layer.name, nearest: nearest))
        errors.append(
            FerryError(
                .missingWeight, at: ["layer '\(layer.name)' (\(layer.operation.kind))"],
                found: "no weights in the file",
                expected: group.map { "a group '\($0)/vars'" } ?? "a group of that name",
                remedy: nearest.map { "did you mean '\($0)'?" } ?? "check that the weights belong to this architecture")
        )
    }

    private mutating func collecting(
        _ layer: Graph.Layer, _ body: (inout KerasWeightAssignment) throws -> Void
    ) {
        do { try body(&self) } catch {
            report.mismatched.append(layer.name)
            let error = error as? FerryError ?? FerryError(.damagedFile, found: "\(error)")
            errors.append(error.located(in: "layer '\(layer.name)' (\(layer.operation.kind))"))
        }
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
            let name = "\(layer.name)/\(spec.name)"
            parameters[name] = weight.tensor.cast(to: .float32)
            report.loaded.append(.init(parameter: name, weight: weight.name))
        }
    }

    /// Refuses a model that has not got all its weights.
    private func finish() throws {
        guard let first = errors.first else { return }
        guard errors.count > 1 else { throw first }
        throw FerryError(
            first.code,
            found: "\(errors.count) layers cannot be given their weights: "
                + errors.map { "\($0)" }.joined(separator: " | "),
            remedy: "check that the weights belong to this architecture")
    }
}

extension String {
    /// The most similar of `names`; nil where there are none.
    func nearest(among names: [String]) -> String? { names.min { $0.distance(to: self) < $1.distance(to: self) } }

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
