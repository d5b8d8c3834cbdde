package import FerryEngine
package import FerryRuntime
import OrderedCollections

/// A layer as a configuration describes it: its operator and what every layer of Keras has.
package struct KerasRecord: Sendable {
    /// The operator under its name, with trainability and type.
    package var layer: Graph.Layer
    /// The shape of the input with the batch, where the first layer of a model tells it; free lengths are nil.
    package var inputShape: [Int?]?
    /// The type of that input.
    package var inputType: DType?
}

extension KerasConfig {
    /// The layer under a setting such as `layer`.
    package mutating func layer(_ name: String) throws -> Graph.Layer {
        guard let value = take(name) else {
            throw FerryError(.missingKey, found: "no setting '\(name)'", expected: "a layer")
        }
        return try KerasRecord(value, version: version, context: context).layer
    }

    /// The recurrent layer under a setting such as `layer`.
    package mutating func recurrentLayer(
        _ name: String
    ) throws -> (entry: Graph.Layer, operation: any RecurrentOperator) {
        let layer = try layer(name)
        guard let recurrent = layer.operation as? any RecurrentOperator else {
            throw FerryError(
                .unsupported, at: ["setting '\(name)'"], found: "a layer '\(layer.name)' (\(layer.operation.kind))",
                expected: "LSTM, GRU or SimpleRNN")
        }
        return (layer, recurrent)
    }

    /// The recurrent layer under a setting, or nil where the setting is missing or null.
    package mutating func optionalRecurrentLayer(
        _ name: String
    ) throws -> (entry: Graph.Layer, operation: any RecurrentOperator)? {
        guard let value = take(name) else { return nil }
        fields[name] = value
        return try recurrentLayer(name)
    }
}

extension KerasRecord {
    /// The layer that Keras writes as `{"class_name": …, "config": …}`.
    ///
    /// - Throws: ``FerryError`` located at the layer; an unknown class is ``FerryError/Code/unknownLayer``.
    package init(_ json: JSONValue, version: KerasVersion, context: KerasContext) throws {
        let (className, settings) = try Self.classAndSettings(json)
        let name = settings["name"]?.stringValue ?? json["name"]?.stringValue ?? className.snakeCased
        self = try locating("layer '\(name)' (\(className))") {
            // The configuration of a nested Sequential was a bare list up to Keras 2.2.2.
            let object: JSONValue = settings.arrayValue == nil ? settings : ["layers": settings]
            var config = try KerasConfig(object, className: className, version: version, context: context)
            var record = try Self.common(&config, name: name)
            if let custom = context.customLayer(name, className) {
                record.layer.operation = try custom.operation(settings)
                record.layer.foreignClass = className
                return record
            }
            record.layer.operation = try Self.operation(className, &config)
            try config.finish()
            return record
        }
    }

    /// The class without its package and the settings of an object.
    static func classAndSettings(_ json: JSONValue) throws -> (className: String, settings: JSONValue) {
        guard let className = json["class_name"]?.stringValue, let settings = json["config"] else {
            throw FerryError(
                .damagedFile, found: json.compactText, expected: "a layer as {\"class_name\": …, \"config\": …}")
        }
        return (className.split(separator: ">").last.map(String.init) ?? className, settings)
    }

    /// The settings that every layer has.
    private static func common(_ config: inout KerasConfig, name: String) throws -> KerasRecord {
        config.ignore("name", "build_config", "shared_object_id", "autocast", "batch_size_hint")
        var layer = Graph.Layer(name, Dropout(0))
        layer.isTrainable = try config.bool("trainable", default: true)
        let dtype = try config.take("dtype").map { try DType.policy($0) }
        layer.dtype = dtype?.compute ?? .float32
        layer.parameterType = dtype?.variable ?? .float32
        layer.activityRegularizer = try config.take("activity_regularizer").flatMap { try Regularizer(keras: $0) }
        var record = KerasRecord(layer: layer)
        record.inputShape = try config.inputShape()
        record.inputType = try config.take("input_dtype").map { try DType.policy($0).variable } ?? dtype?.variable
        return record
    }

    private static func operation(_ className: String, _ config: inout KerasConfig) throws -> any Operator {
        if let renamed = KerasRenamed.operators[className] { return try renamed(&config) }
        guard let type = KerasCatalogue.byClass[className] else { throw KerasRefusals.error(className) }
        let isGated = !(type is any RecurrentOperator.Type) && config.takeGate()
        if isGated && className == "Activation" { return GatedLinearUnit() }
        let layer = try type.kerasOperator(&config)
        return isGated ? GatedLinearUnit(layer) : layer
    }
}

extension KerasConfig {
    /// The shape with the batch that the first layer of a model tells in one of many ways.
    fileprivate mutating func inputShape() throws -> [Int?]? {
        if let shape = try optionalInts("batch_input_shape") ?? optionalInts("batch_shape") { return shape }
        if let shape = try optionalInts("input_shape") { return [nil] + shape }
        guard version.major == 1, className != "Embedding", let features = take("input_dim")?.intValue else {
            return nil
        }
        let isRecurrent = ["LSTM", "GRU", "SimpleRNN", "TimeDistributedDense"].contains(className)
        return isRecurrent ? [nil, take("input_length")?.intValue, features] : [nil, features]
    }
}

extension DType {
    /// The types of a Keras dtype policy, a name or an object that holds one: what variables are stored in, and what
    /// layers compute in.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` for policies that quantise.
    static func policy(_ value: JSONValue) throws -> (variable: DType, compute: DType) {
        let name = value.stringValue ?? value["config"]?["name"]?.stringValue ?? ""
        switch name {
        case "mixed_float16": return (.float32, .float16)
        case "mixed_bfloat16": return (.float32, .bfloat16)
        case "": return (.float32, .float32)
        default:
            guard let dtype = DType(rawValue: name) else {
                throw FerryError(
                    .unsupported, at: ["setting 'dtype'"], found: value.compactText,
                    expected: "a floating-point or integer type")
            }
            return (dtype, dtype)
        }
    }
}
