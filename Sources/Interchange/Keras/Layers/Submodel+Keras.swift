package import FerryEngine
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
            (layer.operation as? any KerasLayer)?.kerasVariables(specs.inside(layer.name))
                .map { $0.nested(path: "layers/\(container)", scope: layer.name) } ?? []
        }
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        weights
    }
}

extension Graph {
    /// The layers with the names that Keras 3's layout gives them: the class in snake case, numbered in each class.
    package func kerasContainers() -> [(container: String, layer: Layer)] {
        var counts: [String: Int] = [:]
        return layers.map { layer in
            let name = ((layer.operation as? any KerasLayer)?.kerasClass(KerasVersion(3)) ?? layer.operation.kind)
                .snakeCased
            let number = counts[name, default: 0]
            counts[name] = number + 1
            return (number == 0 ? name : "\(name)_\(number)", layer)
        }
    }
}
