import FerryEngine

/// Classes that Ferry knows of and does not read, each with the reason and what to do.
enum KerasRefusals {
    private struct Reason {
        let found: String
        let remedy: String
    }

    private static let lookup = Reason(
        found: "looks words up in a table, and Ferry's models take numbers",
        remedy: "cut the model behind it in Keras, keras.Model(layer.output, model.outputs), and give token ids")
    private static let custom = "or give a Swift operator in its place (ReadOptions.custom)"

    private static let reasons: [String: Reason] = [
        "Lambda": Reason(
            found: "holds Python code, which Ferry does not run", remedy: "rebuild it from layers, \(custom)"),
        "TextVectorization": lookup, "StringLookup": lookup, "IntegerLookup": lookup, "Hashing": lookup,
        "TFSMLayer": Reason(
            found: "runs a TensorFlow SavedModel, which is not in this file",
            remedy: "convert that model by itself with tf2onnx"),
        "KerasLayer": Reason(
            found: "runs a model of TensorFlow Hub, which is not in this file",
            remedy: "convert that model by itself with tf2onnx, \(custom)"),
        "CRF": Reason(
            found: "is a conditional random field of keras-contrib or TensorFlow Addons, which Ferry does not decode",
            remedy: "cut the model before it in Keras, keras.Model(model.inputs, layer.input), \(custom)"),
    ]

    /// The error for a layer of a class that Ferry does not read.
    static func error(_ className: String) -> FerryError {
        let reason =
            reasons[className]
            ?? Reason(
                found: "is not a layer that Ferry knows",
                remedy: "rebuild it from the layers in docs/Operators.md, \(custom)")
        return FerryError(.unknownLayer, found: reason.found, remedy: reason.remedy)
    }
}
