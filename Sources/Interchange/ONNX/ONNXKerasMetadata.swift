import FerryEngine
import FerryRuntime

/// What Keras needs of a model and ONNX has no place for: the architecture, beside the graph.
///
/// The graph is what counts; states that it takes and gives are those of the architecture's stateful layers. An architecture is believed where it computes the same as the graph, with the graph's own
/// parameters; else it is left aside.
enum ONNXKerasMetadata {
    /// The key among the file's `metadata_props`; its value is the model's configuration as Keras 3 writes it.
    static let key = "ferry.keras"

    /// The model's architecture; nothing where Keras 3 has no words for it.
    static func entries(for model: Model) -> [ONNXEntry] {
        guard let architecture = try? KerasGraphWriter(KerasVersion(3, 12)).model(model.graph, name: model.name) else {
            return []
        }
        return [ONNXEntry(key, architecture.encoded())]
    }

    /// The model that a file's architecture describes, where it computes what `lifted` does.
    static func restored(_ lifted: Model, from onnx: ONNXModel) -> Model? {
        guard let text = onnx.metadata.first(where: { $0.key == key })?.value,
            let json = try? JSONValue(parsing: text),
            let architecture = try? KerasArchitecture(json, version: KerasVersion(3, 12)),
            let model = try? model(architecture, with: lifted.parameters),
            let comparable = try? model.exposingStates(),
            let differences = try? Verification.compare(
                comparable, lifted, names: ("the architecture in the file's metadata", "its graph")),
            !differences.isEmpty, differences.areWithin(.relative(1e-5))
        else { return nil }
        var result = model
        result.metadata = lifted.metadata
        return result
    }

    /// The architecture with parameters of another model, found by their paths.
    private static func model(_ architecture: KerasArchitecture, with parameters: ParameterSet) throws -> Model {
        func plain(_ name: String) -> String { name.replacing("/", with: "_") }
        let known = Dictionary(parameters.names.map { (plain($0), $0) }, uniquingKeysWith: { first, _ in first })
        var found = ParameterSet()
        for spec in try architecture.graph.parameterSpecs() {
            found[spec.name] = known[plain(spec.name)].flatMap { parameters[$0] }
        }
        return try Model(name: architecture.name, graph: architecture.graph, parameters: found)
    }
}
