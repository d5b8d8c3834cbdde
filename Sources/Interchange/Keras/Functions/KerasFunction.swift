import FerryEngine
import FerryRuntime
import OrderedCollections

/// A function that models call between their layers: an operation of `keras.ops`, or a TensorFlow function that Keras 2
/// wraps in a `TFOpLambda`.
struct KerasFunction: Sendable {
    /// The names in snake case, without the module: `expand_dims` is `keras.ops.ExpandDims` and `tf.expand_dims`.
    let names: [String]
    /// The names of the arguments that may come without a name, in order.
    let parameters: [String]
    /// Adds what the function computes to the graph of the call and gives the results.
    let apply: @Sendable (inout KerasFunctionCall) throws -> [Graph.ValueID]

    /// A function with any number of results.
    init(
        _ names: String..., parameters: [String] = ["x"],
        results apply: @escaping @Sendable (inout KerasFunctionCall) throws -> [Graph.ValueID]
    ) {
        self.names = names
        self.parameters = parameters
        self.apply = apply
    }

    /// A function with one result.
    init(
        _ names: [String], parameters: [String] = ["x"],
        _ apply: @escaping @Sendable (inout KerasFunctionCall) throws -> Graph.ValueID
    ) {
        self.names = names
        self.parameters = parameters
        self.apply = { [try apply(&$0)] }
    }
}

extension KerasCatalogue {
    /// The functions; each knows its own names.
    static let functions: [KerasFunction] = [
        Arithmetic.kerasFunctions, Comparison.kerasFunctions, Logic.kerasFunctions, Elementwise.kerasFunctions,
        Activation.kerasFunctions, Reduction.kerasFunctions, Transpose.kerasFunctions, TensorReshape.kerasFunctions,
        Concatenate.kerasFunctions, Slice.kerasFunctions, Gather.kerasFunctions, MatMul.kerasFunctions,
        TopK.kerasFunctions, LocalPooling.kerasFunctions,
    ].flatMap { $0 }

    private static let functionsByName: [String: KerasFunction] = Dictionary(
        functions.flatMap { function in function.names.map { ($0, function) } },
        uniquingKeysWith: { a, b in preconditionFailure("\(a.names) and \(b.names) claim one function of Keras") })

    /// The function called `name`.
    ///
    /// - Throws: ``FerryError/Code/unknownLayer``.
    static func function(_ name: KerasFunctionName) throws -> KerasFunction {
        guard let function = functionsByName[name.bare] else {
            throw FerryError(
                .unknownLayer, found: "calls the function '\(name.written)', which Ferry does not know",
                remedy: "rebuild the model with the layers in docs/Operators.md")
        }
        return function
    }
}

/// The name of a function as a file has it and as ``KerasCatalogue`` has it.
struct KerasFunctionName {
    /// Such as `compat.v1.transpose`, or `ExpandDims`.
    let written: String
    /// Such as `transpose`, or `expand_dims`.
    let bare: String

    /// The function that an entry of a model's list of layers calls; nil where the entry is a layer.
    ///
    /// Classes of layers and of operations share names, so the module decides. Keras 3 leaves the modules out of HDF5
    /// files; there an operation is told by the settings that it lacks: every layer writes `trainable`, but for
    /// `SpatialDropout`, which writes its `dtype`.
    init?(_ json: JSONValue) {
        guard let className = json["class_name"]?.stringValue, let settings = json["config"] else { return nil }
        if className == "TFOpLambda" || className == "SlicingOpLambda" {
            guard let function = settings["function"]?.stringValue else { return nil }
            written = function
        } else if className == "TensorFlowOpLayer" {
            guard let operation = settings["node_def"]?["op"]?.stringValue else { return nil }
            written = operation
            bare = TensorFlowOperation.all[operation]?.function ?? operation
            return
        } else {
            let module = json["module"]?.stringValue
            let isCall = json["inbound_nodes"]?[0]?["args"] != nil
            let isLayer = settings["trainable"] != nil || (settings["dtype"] != nil && KerasCatalogue.knows(className))
            let isOperation = module.map { $0.contains(".ops.") } ?? (isCall && !isLayer)
            guard isOperation, className != "InputLayer" else { return nil }
            written = className
        }
        bare = written.split(separator: ".").last.map { String($0).snakeCased } ?? written
    }
}
