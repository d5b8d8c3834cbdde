public import FerryEngine

/// One input of a model that is built in Swift: the lengths of its axes without the batch; nil where free.
///
/// The first free axis is called time.
public struct Input: Sendable {
    /// The lengths of the axes after the batch.
    public var shape: [Int?]
    /// The type of the elements.
    public var dtype: DType

    /// An input such as `Input(3, 1)` or `Input(nil, 8)`: [batch, 3, 1] or [batch, time, 8].
    public init(_ shape: Int?..., dtype: DType = .float32) {
        self.shape = shape
        self.dtype = dtype
    }

    /// The type with the batch axis.
    var type: ValueType {
        ValueType(dtype, [.batch] + shape.map { $0.map(Dimension.fixed) ?? .time })
    }
}

/// Collects the layers written in a model's braces.
@resultBuilder
public enum LayerListBuilder {
    /// One layer.
    public static func buildExpression(_ layer: any Operator) -> [any Operator] { [layer] }
    /// The input, first in the braces.
    public static func buildExpression(_ input: Input) -> [any Operator] { [InputPlaceholder(input: input)] }
    /// Layers one after another.
    public static func buildBlock(_ parts: [any Operator]...) -> [any Operator] { parts.flatMap { $0 } }
    /// Layers under a condition.
    public static func buildOptional(_ part: [any Operator]?) -> [any Operator] { part ?? [] }
    /// Layers of one branch.
    public static func buildEither(first part: [any Operator]) -> [any Operator] { part }
    /// Layers of the other branch.
    public static func buildEither(second part: [any Operator]) -> [any Operator] { part }
    /// Layers of a loop.
    public static func buildArray(_ parts: [[any Operator]]) -> [any Operator] { parts.flatMap { $0 } }
}

extension Model {
    /// Builds a model of layers one after another, as Keras's `Sequential` does, with freshly drawn parameters.
    ///
    ///     let model = try Model { Input(3, 1); LSTM(50, activation: .relu); Dense(1) }
    ///
    /// - Parameters:
    ///   - name: the name it will have in files.
    ///   - seed: decides the parameters; the same seed gives the same model.
    ///   - layers: an ``Input`` and the layers.
    /// - Throws: ``FerryError`` located at the layer that does not fit the one before.
    public init(
        name: String = "sequential", seed: UInt64 = 0, @LayerListBuilder _ layers: () -> [any Operator]
    ) throws {
        let layers = layers()
        guard let placeholder = layers.first as? InputPlaceholder else {
            throw FerryError(
                .shape, at: [name], found: "no Input before the first layer", remedy: "begin with Input(…)")
        }
        var graph = Graph()
        graph.structure = .sequential
        var value = graph.addInput("input", placeholder.input.type)
        for layer in layers.dropFirst() {
            let index = graph.addLayer(.init(layer.kind.snakeCased, layer))
            value = try graph.call(layer: index, [value])[0]
        }
        graph.setOutputs([value], names: [graph.layers.last?.name ?? "input"])
        var random = RandomSource(seed: seed)
        var parameters = ParameterSet()
        for spec in try graph.parameterSpecs() {
            parameters[spec.name] = spec.policy.initializer(spec.shape, using: &random)
        }
        try self.init(name: name, graph: graph, parameters: parameters)
    }
}

/// Carries an ``Input`` through the list of layers.
struct InputPlaceholder: Operator {
    static let kind = "Input"
    let input: Input

    func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        throw FerryError(.shape, found: "an Input after the first layer", expected: "one Input, first")
    }

    func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [inputs[0]]
    }
}

extension String {
    /// `simple_rnn` from `SimpleRNN`, as Keras names layers after their class (`to_snake_case`).
    package var snakeCased: String {
        let characters = Array(self)
        return characters.indices.map { i in
            let startsWord =
                i > 0 && characters[i].isUppercase
                && (characters[i - 1].isLowercase || i + 1 < characters.count && characters[i + 1].isLowercase)
            return (startsWord ? "_" : "") + characters[i].lowercased()
        }.joined()
    }
}
