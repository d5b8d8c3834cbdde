import FerryEngine
import FerryRuntime
import OrderedCollections

/// Builds the graph of a functional model: layers with lists of calls, each naming the outputs of other calls.
struct KerasFunctionalReader {
    private let reader: KerasGraphReader
    private let settings: JSONValue
    private var graph = Graph()
    /// The outputs of the calls made so far.
    private var outputs: [KerasCall: [Graph.ValueID]] = [:]
    private var countsFromOne: Set<String> = []
    private var maskOrigins = KerasMaskOrigins()

    init(reader: KerasGraphReader, settings: JSONValue) {
        self.reader = reader
        self.settings = settings
    }

    mutating func readGraph() throws -> Graph {
        var pending: [PendingCall] = []
        for json in settings["layers"]?.arrayValue ?? [] { try add(json, to: &pending) }
        try orderInputs(pending)
        countsFromOne = modelsThatCountFromOne(pending)
        try perform(pending)
        let references = try outputReferences()
        graph.setOutputs(try references.map(value), names: references.map(\.call.layer))
        let used = graph.withoutUnusedNodes()
        try used.requireSources()
        return used
    }

    /// Makes all calls, always the first in the file whose inputs are there, so that layers keep their order.
    private mutating func perform(_ pending: [PendingCall]) throws {
        var isDone = [Bool](repeating: false, count: pending.count)
        var start = 0
        while start < pending.count {
            let ready = (start..<pending.count).first { !isDone[$0] && pending[$0].references.allSatisfy(isKnown) }
            guard let ready else {
                let waiting = pending.indices.filter { !isDone[$0] }.map { "'\(pending[$0].name)'" }
                throw FerryError(
                    .damagedFile, found: "layers that wait for each other: \(waiting.joined(separator: ", "))",
                    expected: "layers in some order")
            }
            try perform(pending[ready])
            isDone[ready] = true
            while start < pending.count, isDone[start] { start += 1 }
        }
    }

    /// The outputs of the model. Keras 3 counts the calls of a functional model from 1 here, and from 0 inside the calls
    /// of other layers (`Functional.from_config`).
    private func outputReferences() throws -> [KerasReference] {
        let references = try KerasReference.list(settings["output_layers"] ?? [])
        guard reader.version.isKeras3 else { return references }
        let functional = graph.layers.filter { ($0.operation as? Submodel)?.graph.structure == .functional }.map(\.name)
        return references.map { reference in
            var reference = reference
            let index = reference.call.index
            if functional.contains(reference.call.layer) && index > 0 { reference.call.index = index - 1 }
            return reference
        }
    }

    /// The models among the layers whose calls are counted from 1: TensorFlow's Keras takes the call that made a
    /// functional model for its first (`_should_skip_first_node`), earlier ones do not.
    private func modelsThatCountFromOne(_ pending: [PendingCall]) -> Set<String> {
        guard !reader.version.isKeras3 else { return [] }
        let outputs = (try? KerasReference.list(settings["output_layers"] ?? [])) ?? []
        let references = pending.flatMap(\.references) + outputs
        let models = graph.layers.filter { $0.operation is Submodel }.map(\.name)
        return Set(
            models.filter { name in
                let indices = references.filter { $0.call.layer == name }.map(\.call.index)
                return !indices.isEmpty && !indices.contains(0)
            })
    }

    private mutating func add(_ json: JSONValue, to pending: inout [PendingCall]) throws {
        let name = json["name"]?.stringValue ?? json["config"]?["name"]?.stringValue ?? ""
        if try KerasRecord.classAndSettings(json).className == "InputLayer" {
            outputs[KerasCall(layer: name, index: 0)] = [try reader.addInput(json, to: &graph)]
            return
        }
        if let function = KerasFunctionName(json), reader.context.customLayer(name, function.written) == nil {
            return try add(function, name, json, to: &pending)
        }
        var record = try KerasRecord(json, version: reader.version, context: reader.context)
        record.layer.name = name
        let layer = graph.addLayer(record.layer)
        for (index, node) in (json["inbound_nodes"]?.arrayValue ?? []).enumerated() {
            let call = try locating("layer '\(name)' › call \(index)") { try KerasNode(node) }
            pending.append(PendingCall(name: name, index: index, kind: .layer(layer, call)))
        }
    }

    private func add(
        _ functionName: KerasFunctionName, _ name: String, _ json: JSONValue, to pending: inout [PendingCall]
    ) throws {
        let function = try locating("layer '\(name)'") { try KerasCatalogue.function(functionName) }
        for (index, node) in (json["inbound_nodes"]?.arrayValue ?? []).enumerated() {
            let call = KerasFunctionNode(node, of: function, settings: json["config"] ?? [:])
            pending.append(PendingCall(name: name, index: index, kind: .function(call)))
        }
    }

    /// Puts the inputs in the order in which the model lists them.
    private mutating func orderInputs(_ pending: [PendingCall]) throws {
        let references = try KerasReference.list(settings["input_layers"] ?? [])
        graph.setInputs(try references.map { try value(sourceOfInput($0, pending)) })
    }

    /// The input that a reference means. Keras 1 names the last layer that gave its input back as it was, as a linear
    /// Activation does (`Node.create_node` writes `_keras_history` anew).
    private func sourceOfInput(_ reference: KerasReference, _ pending: [PendingCall]) -> KerasReference {
        var reference = reference
        for _ in pending where outputs[reference.call] == nil {
            let call = pending.first { $0.name == reference.call.layer && $0.index == reference.call.index }
            guard let source = call?.references.first else { break }
            reference = source
        }
        return reference
    }

    private mutating func perform(_ pending: PendingCall) throws {
        outputs[KerasCall(layer: pending.name, index: pending.index)] =
            switch pending.kind {
            case .layer(let layer, let call): try perform(call, ofLayer: layer, pending.name)
            case .function(let call): try locating("layer '\(pending.name)'") { try perform(call, pending.name) }
            }
    }

    /// Tells the layer what its call says beside the tensors.
    private mutating func take(_ options: JSONValue, _ layer: Int, _ name: String) throws {
        guard let settings = options.objectValue, !settings.isEmpty else { return }
        try locating("layer '\(name)'") {
            guard var callable = graph.layers[layer].operation as? any KerasCallable else {
                let list = settings.map { "'\($0.key)' = \($0.value.compactText)" }.joined(separator: ", ")
                throw FerryError(
                    .unsupported, found: "called with \(list)", expected: "inputs, mask and initial_state")
            }
            var config = try KerasConfig(options, className: name, version: reader.version, context: reader.context)
            try callable.take(kerasCall: &config)
            try config.finish()
            graph.replaceOperation(ofLayer: layer, by: callable)
        }
    }

    private mutating func perform(_ call: KerasNode, ofLayer layer: Int, _ name: String) throws -> [Graph.ValueID] {
        try take(call.options, layer, name)
        let numberType = try call.references.first.map { graph.type(of: try value($0)).dtype } ?? .float32
        let inputs = try call.arguments.map { argument in
            switch argument {
            case .reference(let reference): try value(reference)
            case .number(let tensor): graph.addConstant("\(name)/constant", tensor.cast(to: numberType))
            }
        }
        if case let mask?? = call.masks.first, let softmax = Softmax(maskable: graph.layers[layer].operation) {
            graph.replaceOperation(ofLayer: layer, by: softmax)
            let operands: [Graph.ValueID?] = inputs + [try value(mask)]
            return try graph.call(layer: layer, operands, mask: .dropped)
        }
        let source = try locating("layer '\(name)'") { try mask(of: call, inputs) }
        return try graph.call(layer: layer, inputs, mask: source)
    }

    private mutating func perform(_ node: KerasFunctionNode, _ name: String) throws -> [Graph.ValueID] {
        var call = KerasFunctionCall(node, name, in: graph) { [outputs, countsFromOne] reference in
            try Self.value(reference, outputs, countsFromOne)
        }
        // The call has the only copy now, so that what it adds does not copy the rest.
        graph = Graph()
        let results = try node.function.apply(&call)
        try call.finish()
        graph = call.graph
        return results
    }

    /// Where a call takes its mask from. The masks that Keras passes on by itself are made again here; others are kept.
    private mutating func mask(of call: KerasNode, _ inputs: [Graph.ValueID]) throws -> Graph.MaskSource {
        let carried = inputs.map(graph.carriesMask)
        guard call.masks.contains(where: { $0 != nil }) else {
            // Keras 3 hands masks on only to calls with a single tensor (`Layer.__call__`, "Populate mask").
            let isDropped = carried.first == true && call.hasInitialState && reader.version.isKeras3
            return isDropped ? .dropped : .carried
        }
        for (position, mask) in call.masks.enumerated().dropFirst() where mask != nil {
            guard carried.indices.contains(position), carried[position] else {
                throw FerryError(
                    .unsupported, found: "a mask given by hand for input \(position + 1)",
                    expected: "masks of Embedding or Masking", remedy: "put a Masking layer before that input")
            }
        }
        guard let own = call.masks[0] else { return .carried }
        let mask = try value(own)
        return maskOrigins.isCarried(mask, by: inputs[0], in: graph) ? .carried : .given(mask)
    }

    private func value(_ reference: KerasReference) throws -> Graph.ValueID {
        try Self.value(reference, outputs, countsFromOne)
    }

    private static func value(
        _ reference: KerasReference, _ outputs: [KerasCall: [Graph.ValueID]], _ countsFromOne: Set<String>
    ) throws -> Graph.ValueID {
        guard let value = knownValue(reference, outputs, countsFromOne) else {
            throw FerryError(
                .damagedFile, found: "a reference to output \(reference.output) of '\(reference.call.layer)'",
                expected: "a layer of this model")
        }
        return value
    }

    private func isKnown(_ reference: KerasReference) -> Bool {
        Self.knownValue(reference, outputs, countsFromOne) != nil
    }

    private static func knownValue(
        _ reference: KerasReference, _ outputs: [KerasCall: [Graph.ValueID]], _ countsFromOne: Set<String>
    ) -> Graph.ValueID? {
        var call = reference.call
        if countsFromOne.contains(call.layer) { call.index -= 1 }
        guard let values = outputs[call], values.indices.contains(reference.output) else { return nil }
        return values[reference.output]
    }
}

/// A call of a layer that is not in the graph yet.
private struct PendingCall {
    let name: String
    let index: Int
    let kind: Kind
    /// Everything that must be there before the call.
    let references: [KerasReference]

    enum Kind {
        case layer(Int, KerasNode)
        case function(KerasFunctionNode)
    }

    init(name: String, index: Int, kind: Kind) {
        self.name = name
        self.index = index
        self.kind = kind
        references =
            switch kind {
            case .layer(_, let call): call.references
            case .function(let call): call.references
            }
    }
}

/// One call of a layer, by the layer's name and the number of the call.
struct KerasCall: Hashable {
    let layer: String
    var index: Int
}

/// One output of one call.
struct KerasReference: Hashable {
    var call: KerasCall
    let output: Int

    /// The reference that Keras writes as `["lstm", 0, 0]`, `["lstm", 0, 0, {}]` or as a `__keras_tensor__` object.
    init?(_ json: JSONValue) {
        let parts = json.arrayValue ?? json["config"]?["keras_history"]?.arrayValue ?? []
        guard parts.count >= 3, let layer = parts[0].stringValue, let index = parts[1].intValue,
            let output = parts[2].intValue
        else { return nil }
        call = KerasCall(layer: layer, index: index)
        self.output = output
    }

    /// All references in a tree of lists and objects, in order.
    static func list(_ json: JSONValue) throws -> [KerasReference] {
        if let reference = KerasReference(json) { return [reference] }
        if let list = json.arrayValue { return try list.flatMap(Self.list) }
        // Keras goes through dictionaries in the order of their keys.
        if let object = json.objectValue, object["class_name"] == nil {
            return try object.keys.sorted().flatMap { try list(object[$0] ?? .null) }
        }
        throw FerryError(.damagedFile, found: json.compactText, expected: "the name of a layer and two numbers")
    }
}

/// What a call takes: tensors and numbers in order, and a mask.
struct KerasNode {
    /// One argument of a call.
    enum Argument {
        case reference(KerasReference)
        case number(Tensor)
    }

    private(set) var arguments: [Argument]
    /// The masks that the call names, one for each argument, nil where it names none.
    private(set) var masks: [KerasReference?] = []
    private(set) var hasInitialState = false
    /// Arguments that are no tensors; a ``KerasCallable`` reads them.
    private(set) var options: JSONValue = [:]

    /// Everything that must be there before the call.
    var references: [KerasReference] {
        arguments.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
            + masks.compactMap { $0 }
    }

    /// The call that Keras 3 writes as `{"args": […], "kwargs": {…}}` and earlier ones as `[["lstm", 0, 0, {}], …]`.
    init(_ json: JSONValue) throws {
        if let arguments = json["args"] {
            self.arguments = try Self.list(arguments)
            try take(keywords: json["kwargs"])
            return
        }
        arguments = try Self.list(json)
        let calls = json.arrayValue?.first?.stringValue == nil ? json.arrayValue ?? [] : [json]
        for call in calls { try take(keywords: call.arrayValue?.dropFirst(3).first) }
    }

    /// All tensors and numbers in a tree of lists, in order.
    private static func list(_ json: JSONValue) throws -> [Argument] {
        if json.isNull { return [] }
        if let number = json.doubleValue { return [.number(Tensor(scalar: Float(number)))] }
        if let reference = KerasReference(json) { return [.reference(reference)] }
        guard let list = json.arrayValue else {
            throw FerryError(.unsupported, found: "an argument \(json.compactText)", expected: "tensors and numbers")
        }
        return try list.flatMap(Self.list)
    }

    /// The masks of a call; a list has one for each input, null where it has none.
    private static func masks(_ json: JSONValue) throws -> [KerasReference?] {
        let list = KerasReference(json) == nil ? json.arrayValue ?? [json] : [json]
        return try list.map { try $0.isNull ? nil : KerasReference.list($0).first }
    }

    /// The arguments of attentions that may come under their names, in the order of the function's arguments.
    private static let names = ["query", "value", "key"]

    private mutating func take(keywords json: JSONValue?) throws {
        for (name, value) in json?.objectValue ?? [:] where !value.isNull {
            switch name {
            case "training": continue
            case "mask": masks = try Self.masks(value)
            case "initial_state":
                arguments += try Self.list(value)
                hasInitialState = true
            case "query", "value", "key", "query_mask", "value_mask", "key_mask": continue
            default: options[name] = value
            }
        }
        let named = Self.names.map { json?[$0].flatMap { $0.isNull ? nil : $0 } ?? .null }
        arguments += try named.flatMap { try Self.list($0) }
        let namedMasks = Self.names.map { json?["\($0)_mask"].flatMap { $0.isNull ? nil : $0 } ?? .null }
        if namedMasks.contains(where: { !$0.isNull }) { masks = try namedMasks.flatMap { try Self.masks($0) } }
    }
}
