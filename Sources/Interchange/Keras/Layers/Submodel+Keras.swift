import FerryEngine
package import FerryRuntime
import OrderedCollections

extension Submodel: KerasLayer {
    package static let kerasClasses = ["Functional", "Sequential", "Model"]

    package init(keras config: inout KerasConfig) throws {
        let reader = KerasGraphReader(version: config.version, context: config.context)
        var settings: JSONValue = [:]
        for key in ["layers", "input_layers", "output_layers", "build_input_shape"] { settings[key] = config.take(key) }
        self.init(try reader.graph(config.className, settings))
    }

    package func kerasClass(_ version: KerasVersion) -> String {
        graph.structure == .sequential ? "Sequential" : "Functional"
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        let model = try KerasGraphWriter(version).model(graph, name: "")
        return model["config"]?.objectValue?.filter { $0.key != "name" }.map { ($0.key, $0.value) } ?? []
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        graph.kerasContainers().flatMap { container, layer in
            layer.operation.kerasVariableGroups(specs.inside(layer.name))
                .map { $0.nested(path: "layers/\(container)", scope: layer.name) }
        }
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        var places = KerasWeightPlaces(weights)
        return graph.layers.flatMap { places.take(of: $0, specs) }.count
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        // The file has the trained weights of all layers first, then the others of all layers.
        var places = KerasWeightPlaces(weights[...])
        let trained = graph.layers.map { places.take(of: $0, specs.filter(\.isTrainable)) }
        let fixed = graph.layers.map { places.take(of: $0, specs.filter { !$0.isTrainable }) }
        var result: (trained: [KerasWeight], fixed: [KerasWeight]) = ([], [])
        for (layer, own) in zip(graph.layers, zip(trained, fixed)) {
            let inside = specs.inside(layer.name)
            let weights = Array(own.0 + own.1)
            let modern = try (layer.operation as? any KerasLayer)?.modernized(weights, for: inside) ?? weights
            let count = inside.count(where: \.isTrainable)
            result.trained += modern.prefix(count)
            result.fixed += modern.dropFirst(count)
        }
        return result.trained + result.fixed + places.rest
    }
}

/// Hands out a list of weights layer by layer.
private struct KerasWeightPlaces {
    private(set) var rest: ArraySlice<KerasWeight>

    init(_ weights: ArraySlice<KerasWeight>) { rest = weights }

    /// The next weights, those that hold the parameters of `layer` among `specs`.
    mutating func take(of layer: Graph.Layer, _ specs: [ParameterSpec]) -> ArraySlice<KerasWeight> {
        let own = specs.inside(layer.name)
        let count =
            own.isEmpty ? 0 : (layer.operation as? any KerasLayer)?.kerasWeightCount(rest, for: own) ?? own.count
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }
}

extension Graph {
    /// The layers with the names that Keras 3's layout gives them: the class in snake case, numbered in each class.
    package func kerasContainers() -> [(container: String, layer: Layer)] {
        var counts: [String: Int] = [:]
        return layers.map { layer in
            let known = (layer.operation as? any KerasLayer)?.kerasClass(KerasVersion(3))
            let name = (layer.foreignClass ?? known ?? layer.operation.kind).snakeCased
            let number = counts[name, default: 0]
            counts[name] = number + 1
            return (number == 0 ? name : "\(name)_\(number)", layer)
        }
    }
}
