package import FerryEngine
package import FerryRuntime
import OrderedCollections

/// A model without weights: what a `config.json`, a `model.to_json()` text or a model file says of its layers.
package struct KerasArchitecture {
    /// The version of Keras that wrote it.
    package let version: KerasVersion
    /// The name of the model.
    package let name: String
    /// The layers and how they are connected.
    package let graph: Graph
    /// Layers for texts that were left out in front.
    let texts: [KerasTextInput]

    /// The architecture that a JSON text describes.
    ///
    /// - Parameters:
    ///   - json: the configuration, with class and settings.
    ///   - version: the version of Keras that wrote it, where it is known from elsewhere.
    ///   - context: what the reader was given beside the file.
    package init(_ json: JSONValue, version: KerasVersion?, context: KerasContext = .init()) throws {
        let own = json["keras_version"]?.stringValue.map { KerasVersion(parsing: $0) }
        self.version = own ?? version ?? KerasVersion(guessing: json)
        var context = context
        if self.version.major == 1 { context.channelsFirst = json.contains("dim_ordering", "th") }
        let (model, texts) = KerasTextInput.remove(from: json)
        self.texts = texts
        (name, graph) = try KerasGraphReader(version: self.version, context: context).graph(model)
    }
}

extension KerasVersion {
    /// The version that wrote a configuration which does not say so, by settings that only some versions have.
    init(guessing json: JSONValue) {
        let text = json.encoded()
        if text.contains("\"output_dim\"") && text.contains("\"inner_activation\"") {
            self.init(1)
        } else if text.contains("\"time_major\"") || text.contains("\"batch_input_shape\"") {
            self.init(2, 15)
        } else {
            self.init(3)
        }
    }
}

extension JSONValue {
    /// Whether an object anywhere inside has this member.
    fileprivate func contains(_ key: String, _ value: JSONValue) -> Bool {
        if let members = objectValue {
            return members[key] == value || members.values.contains { $0.contains(key, value) }
        }
        return arrayValue?.contains { $0.contains(key, value) } ?? false
    }
}
