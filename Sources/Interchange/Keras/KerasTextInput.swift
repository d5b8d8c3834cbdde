import FerryEngine
import FerryRuntime
import OrderedCollections

/// A `TextVectorization` at the front of a model. Ferry's models take numbers, so the model is read from behind it: its
/// input is the token ids [batch, time], int64, and the layer's settings and vocabulary are kept beside the model.
struct KerasTextInput {
    /// The name of the layer, and of the input that stands in its place.
    let name: String
    /// The layer's settings.
    let settings: JSONValue

    /// The layer that `json` describes; nil where it is of another class or gives anything but token ids.
    private init?(_ json: JSONValue) {
        guard let (className, settings) = try? KerasRecord.classAndSettings(json), className == "TextVectorization",
            settings["output_mode"] ?? "int" == "int", settings["ragged"] ?? false == false
        else { return nil }
        name = settings["name"]?.stringValue ?? className.snakeCased
        self.settings = settings
    }

    /// The input that takes the layer's place.
    private var input: JSONValue {
        let length = settings["output_sequence_length"] ?? .null
        return [
            "class_name": "InputLayer", "name": .string(name), "inbound_nodes": [],
            "config": ["name": .string(name), "batch_shape": [.null, length], "dtype": "int64"],
        ]
    }

    /// A model without the text layers that nothing but an input stands before, and these layers.
    static func remove(from model: JSONValue) -> (model: JSONValue, removed: [KerasTextInput]) {
        guard let (className, settings) = try? KerasRecord.classAndSettings(model),
            let layers = settings.arrayValue ?? settings["layers"]?.arrayValue
        else { return (model, []) }
        var model = model
        guard className == "Sequential" else {
            let (settings, removed) = removeFunctional(layers, settings)
            if !removed.isEmpty { model["config"] = settings }
            return (model, removed)
        }
        let isInput = layers.first?["class_name"] == "InputLayer"
        guard let text = layers.dropFirst(isInput ? 1 : 0).first.flatMap(KerasTextInput.init) else {
            return (model, [])
        }
        let rest = JSONValue.array([text.input] + layers.dropFirst(isInput ? 2 : 1))
        if settings.arrayValue != nil { model["config"] = rest } else { model["config"]?["layers"] = rest }
        return (model, [text])
    }

    private static func removeFunctional(
        _ layers: [JSONValue], _ settings: JSONValue
    ) -> (settings: JSONValue, removed: [KerasTextInput]) {
        let calls = layers.map { layer in
            (layer["inbound_nodes"]?.arrayValue ?? []).flatMap { (try? KerasNode($0).references) ?? [] }
        }
        var settings = settings
        var kept = layers
        var removed: [KerasTextInput] = []
        for (place, layer) in layers.enumerated() {
            guard let text = KerasTextInput(layer), calls[place].count == 1 else { continue }
            let source = calls[place][0].call.layer
            let readers = calls.joined().count { $0.call.layer == source }
            let isInput = layers.contains { $0["class_name"] == "InputLayer" && $0["name"]?.stringValue == source }
            guard readers == 1, isInput else { continue }
            kept = kept.filter { $0["name"]?.stringValue != source }
                .map { $0["name"]?.stringValue == text.name ? text.input : $0 }
            settings["input_layers"] = settings["input_layers"]?.renaming(source, text.name)
            removed.append(text)
        }
        settings["layers"] = .array(kept)
        return (settings, removed)
    }
}

extension ModelMetadata {
    /// The attribute that keeps text layers: an object of their settings by their names.
    static let textLayers = "text_vectorization"

    /// Keeps the text layers that a model was read without.
    ///
    /// - Parameter assets: the members of the archive, where there is one; vocabularies that were learnt are among them.
    mutating func take(_ texts: [KerasTextInput], assets: OrderedDictionary<String, [UInt8]> = [:]) {
        var kept: JSONValue = [:]
        for (number, text) in texts.enumerated() {
            var settings = text.settings
            let folder = number == 0 ? "text_vectorization" : "text_vectorization_\(number)"
            if settings["vocabulary"]?.arrayValue == nil, let learnt = assets["assets/layers/\(folder)/vocabulary.txt"]
            {
                // The first two stand for padding and for words that are not listed.
                let words = String(decoding: learnt, as: UTF8.self).split(
                    separator: "\n", omittingEmptySubsequences: false)
                settings["vocabulary"] = .array(words.dropFirst(2).map { .string(String($0)) })
            }
            let count = settings["vocabulary"]?.arrayValue?.count
            kept[text.name] = settings
            notes.append(
                "layer '\(text.name)' (TextVectorization) was left out: the model takes its token ids; "
                    + (count.map { "its vocabulary of \($0) words is in the attribute '\(Self.textLayers)'" }
                        ?? "its vocabulary is not in the file"))
        }
        if !texts.isEmpty { attributes[Self.textLayers] = kept }
    }
}

extension JSONValue {
    /// The value with every text `old` in lists and objects replaced.
    fileprivate func renaming(_ old: String, _ new: String) -> JSONValue {
        if stringValue == old { return .string(new) }
        if let list = arrayValue { return .array(list.map { $0.renaming(old, new) }) }
        return objectValue.map { .object($0.mapValues { $0.renaming(old, new) }) } ?? self
    }
}
