/// A text under a key, as ONNX keeps metadata.
package struct ONNXEntry: Sendable, Equatable {
    package var key: String
    package var value: String

    /// `value` under `key`.
    package init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }
}

extension [ONNXEntry] {
    /// The value of the first entry with this key.
    package subscript(key: String) -> String? { first { $0.key == key }?.value }
}

/// A set of operators and its version; the empty domain is ONNX's own.
package struct ONNXOpset: Sendable, Equatable {
    package var domain: String
    package var version: Int

    /// Version `version` of the operators of `domain`.
    package init(domain: String = "", version: Int) {
        self.domain = domain
        self.version = version
    }
}

/// One ONNX file.
package struct ONNXModel: Sendable, Equatable {
    /// The version of the file format, of which this type mirrors the fields up to 14.
    package var irVersion: Int
    package var opsets: [ONNXOpset]
    package var producerName = ""
    package var producerVersion = ""
    package var domain = ""
    package var modelVersion = 0
    package var docString = ""
    package var graph: ONNXGraph
    package var metadata: [ONNXEntry] = []
    package var functions: [ONNXFunction] = []
    package var trainingInfo: [ONNXTrainingInfo] = []
    /// How to spread the model over devices; carried along unread.
    package var deviceConfigurations: [[UInt8]] = []
    /// Fields that the file has, this type lacks and writing therefore loses, such as `NodeProto field 11`.
    package internal(set) var unknownFields: [String] = []

    /// A model around a graph.
    package init(graph: ONNXGraph, opsets: [ONNXOpset], irVersion: Int) {
        self.graph = graph
        self.opsets = opsets
        self.irVersion = irVersion
    }
}

/// Nodes in the order in which they can run, between named inputs and outputs.
package struct ONNXGraph: Sendable, Equatable {
    package var name: String
    package var nodes: [ONNXNode] = []
    package var initializers: [ONNXTensor] = []
    package var sparseInitializers: [ONNXSparseTensor] = []
    package var inputs: [ONNXValueInfo] = []
    package var outputs: [ONNXValueInfo] = []
    /// What is known of the values between.
    package var valueInfo: [ONNXValueInfo] = []
    package var quantizationAnnotations: [ONNXQuantizationAnnotation] = []
    package var docString = ""
    package var metadata: [ONNXEntry] = []

    /// A graph without nodes.
    package init(name: String) { self.name = name }
}

/// One use of an operator.
package struct ONNXNode: Sendable, Equatable {
    package var name: String
    package var opType: String
    package var domain: String
    /// Which of several functions of the same name is meant.
    package var overload = ""
    /// Names of values; empty for an optional input that is left out.
    package var inputs: [String]
    /// Names of values; empty for an optional output that is not wanted.
    package var outputs: [String]
    package var attributes: [ONNXAttribute]
    package var docString = ""
    package var metadata: [ONNXEntry] = []
    /// How to spread the node over devices; carried along unread.
    package var deviceConfigurations: [[UInt8]] = []

    /// A node that applies `opType` of `domain`.
    package init(
        _ opType: String, domain: String = "", name: String = "", inputs: [String], outputs: [String],
        attributes: [ONNXAttribute] = []
    ) {
        self.opType = opType
        self.domain = domain
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
    }
}

/// An operator that the model defines itself, by a graph.
package struct ONNXFunction: Sendable, Equatable {
    package var name: String
    package var domain: String
    package var overload = ""
    package var inputs: [String] = []
    package var outputs: [String] = []
    /// Attributes that a call must give.
    package var attributes: [String] = []
    /// Attributes that a call may leave out, with the values that they then have.
    package var attributeDefaults: [ONNXAttribute] = []
    package var nodes: [ONNXNode] = []
    package var opsets: [ONNXOpset] = []
    package var valueInfo: [ONNXValueInfo] = []
    package var docString = ""
    package var metadata: [ONNXEntry] = []

    /// A function without nodes.
    package init(name: String, domain: String) {
        self.name = name
        self.domain = domain
    }
}

/// A graph that initialises a model's weights, one that trains them, and which of their outputs become which weights.
package struct ONNXTrainingInfo: Sendable, Equatable {
    package var initialization: ONNXGraph?
    package var algorithm: ONNXGraph?
    package var initializationBindings: [ONNXEntry] = []
    package var updateBindings: [ONNXEntry] = []

    /// Two graphs, either of which may be missing.
    package init(initialization: ONNXGraph?, algorithm: ONNXGraph?) {
        self.initialization = initialization
        self.algorithm = algorithm
    }
}

/// Scales and zero points that belong to a value.
package struct ONNXQuantizationAnnotation: Sendable, Equatable {
    package var tensorName: String
    package var parameters: [ONNXEntry]

    /// Names of tensors under what they are to `tensorName`.
    package init(tensorName: String, parameters: [ONNXEntry]) {
        self.tensorName = tensorName
        self.parameters = parameters
    }
}

/// A value's name and type.
package struct ONNXValueInfo: Sendable, Equatable {
    package var name: String
    package var type: ONNXType?
    package var docString = ""
    package var metadata: [ONNXEntry] = []

    /// A value of the given type; nil where it is unknown.
    package init(name: String, type: ONNXType?) {
        self.name = name
        self.type = type
    }
}
