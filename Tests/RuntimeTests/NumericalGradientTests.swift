import FerryEngine
import FerryRuntime
import Testing

/// The gradients of every operator that trains are the slopes of what it computes.
struct NumericalGradientTests {
    /// An operator in a setting, with inputs for it.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let operation: any Operator
        /// The shapes of float inputs; nil for token ids.
        let shapes: [[Int]]
        var isIntegers = false
        /// Whether the first input carries a mask that hides some steps.
        var isMasked = false
        var testDescription: String { name }
    }

    static let cases: [Case] = recurrent + core + spatial

    static let recurrent: [Case] = [
        .init(name: "LSTM", operation: LSTM(3), shapes: [[2, 4, 3]]),
        .init(name: "LSTM masked", operation: LSTM(3, returnSequences: true), shapes: [[3, 4, 3]], isMasked: true),
        .init(name: "LSTM with states", operation: withStates(LSTM(3)), shapes: [[2, 4, 3], [2, 3], [2, 3]]),
        .init(name: "LSTM silu", operation: LSTM(3, activation: .silu), shapes: [[2, 4, 3]]),
        .init(name: "LSTM backwards", operation: backwards(LSTM(3)), shapes: [[2, 4, 3]]),
        .init(name: "GRU", operation: GRU(3, returnSequences: true), shapes: [[2, 4, 3]]),
        .init(name: "GRU before", operation: GRU(3, resetAfter: false), shapes: [[2, 4, 3]]),
        .init(name: "GRU mish", operation: GRU(3, activation: .mish), shapes: [[2, 4, 3]]),
        .init(name: "GRU masked", operation: GRU(3), shapes: [[3, 4, 3]], isMasked: true),
        .init(name: "SimpleRNN", operation: withStates(SimpleRNN(3)), shapes: [[2, 4, 3], [2, 3]]),
        .init(name: "SimpleRNN masked", operation: SimpleRNN(3), shapes: [[3, 4, 3]], isMasked: true),
        .init(name: "Bidirectional", operation: Bidirectional(LSTM(3)), shapes: [[2, 4, 3]]),
        .init(
            name: "Bidirectional product", operation: Bidirectional(GRU(3, returnSequences: true), merge: .multiply),
            shapes: [[3, 4, 3]], isMasked: true),
        .init(name: "RNN", operation: RNN([LSTM(3), GRU(2)]), shapes: [[2, 4, 3]]),
        .init(
            name: "ConvLSTM", operation: ConvLSTM(2, SpatialOptions(size: [3], padding: .same)),
            shapes: [[2, 3, 5, 2]], isMasked: true),
    ]

    static let core: [Case] = [
        .init(name: "Dense", operation: Dense(3, activation: .tanh), shapes: [[2, 3, 4]]),
        .init(name: "Dense softmax", operation: Dense(3, activation: .softmax), shapes: [[2, 4]]),
        .init(name: "Embedding", operation: Embedding(5, 3), shapes: [[2, 4]], isIntegers: true),
        .init(name: "Activation", operation: Activation(.gelu(approximate: false)), shapes: [[3, 4]]),
        .init(name: "Activation logSoftmax", operation: Activation(.logSoftmax(axis: 1)), shapes: [[2, 3, 2]]),
        .init(name: "PReLU", operation: PReLU(sharedAxes: [1]), shapes: [[2, 3, 4]]),
        .init(name: "Masking", operation: Masking(), shapes: [[2, 3, 4]]),
        .init(name: "Dropout", operation: Dropout(.activityPenalty(l1: 0, l2: 0)), shapes: [[2, 3]]),
        .init(name: "TimeDistributed", operation: TimeDistributed(Dense(2)), shapes: [[2, 3, 4]]),
        .init(name: "Model", operation: submodel, shapes: [[2, 3, 4]]),
        .init(name: "GatedLinearUnit", operation: GatedLinearUnit(Dense(6)), shapes: [[2, 4]]),
        .init(name: "Softmax", operation: Softmax(axes: [1, 2]), shapes: [[2, 3, 2]]),
        .init(name: "EinsumDense", operation: einsumDense, shapes: [[2, 3, 4]]),
        .init(name: "Attention", operation: Attention(.dot, usesScale: true), shapes: [[2, 3, 4], [2, 5, 4]]),
        .init(
            name: "Attention additive", operation: Attention(.additive, usesScale: true),
            shapes: [[2, 3, 4], [2, 5, 4], [2, 5, 4]]),
        .init(
            name: "Attention concatenation", operation: Attention(.concatenation, usesScale: true),
            shapes: [[2, 3, 4], [2, 5, 4]]),
        .init(
            name: "MultiHeadAttention", operation: MultiHeadAttention(heads: 2, keySize: 3),
            shapes: [[2, 3, 4], [2, 5, 4], [2, 5, 4]]),
        .init(name: "Rescaling", operation: Rescaling(scale: 0.7, offset: 1), shapes: [[2, 3]]),
        .init(name: "BatchNormalization", operation: BatchNormalization(), shapes: [[4, 3, 2]]),
        .init(name: "BatchNormalization masked", operation: BatchNormalization(), shapes: [[3, 4, 2]], isMasked: true),
        .init(name: "LayerNormalization", operation: LayerNormalization(), shapes: [[2, 3, 4]]),
        .init(name: "GroupNormalization", operation: GroupNormalization(groups: 2), shapes: [[2, 3, 4]]),
        .init(name: "UnitNormalization", operation: UnitNormalization(), shapes: [[2, 4]]),
        .init(name: "RMSNormalization", operation: RMSNormalization(axes: [-1]), shapes: [[2, 4]]),
        .init(name: "Normalization", operation: Normalization(), shapes: [[3, 4]]),
        .init(name: "Flatten", operation: Flatten(), shapes: [[2, 3, 4]]),
        .init(name: "Reshape", operation: Reshape(4, 3), shapes: [[2, 3, 4]]),
        .init(name: "Permute", operation: Permute(2, 1), shapes: [[2, 3, 4]]),
        .init(name: "RepeatVector", operation: RepeatVector(3), shapes: [[2, 4]]),
        .init(name: "Merge", operation: Merge(.multiply), shapes: [[2, 3, 4], [2, 3, 4], [2, 4]]),
        .init(name: "Merge maximum", operation: Merge(.maximum), shapes: [[2, 4], [2, 4], [2, 4]]),
        .init(name: "Merge average", operation: Merge(.average), shapes: [[2, 4], [2, 4]]),
        .init(name: "Concatenate", operation: Concatenate(axis: 1), shapes: [[2, 3, 4], [2, 1, 4]]),
        .init(name: "Dot", operation: Dot(axes: (2, 1), normalizes: true), shapes: [[2, 3, 4], [2, 4, 2]]),
        .init(name: "CosineMerge", operation: CosineMerge(axes: (1, 1)), shapes: [[3, 4], [3, 4]]),
        .init(
            name: "CosineMerge of sequences", operation: CosineMerge(axes: (2, 2)), shapes: [[2, 1, 4], [2, 1, 4]]),
        .init(name: "Highway", operation: Highway(activation: .tanh), shapes: [[3, 4]]),
        .init(name: "MaxoutDense", operation: MaxoutDense(3, pieces: 2), shapes: [[3, 4]]),
        .init(
            name: "AttentionWeightedAverage", operation: AttentionWeightedAverage(returnsWeights: true),
            shapes: [[3, 4, 3]], isMasked: true),
    ]

    static let spatial: [Case] = [
        .init(name: "Conv", operation: Conv(3, size: 3, padding: .causal, activation: .tanh), shapes: [[2, 5, 2]]),
        .init(
            name: "Conv over two axes",
            operation: Conv(4, SpatialOptions(size: [2, 3], strides: [2, 1], padding: .same)), shapes: [[2, 5, 4, 2]]),
        .init(
            name: "DepthwiseConv", operation: DepthwiseConv(SpatialOptions(size: [3]), multiplier: 2),
            shapes: [[2, 5, 2]]),
        .init(name: "SeparableConv", operation: SeparableConv(3, SpatialOptions(size: [3])), shapes: [[2, 5, 2]]),
        .init(
            name: "ConvTranspose",
            operation: ConvTranspose(3, SpatialOptions(size: [3], strides: [2], padding: .same), activation: .tanh),
            shapes: [[2, 4, 2]]),
        .init(
            name: "LocalPooling", operation: LocalPooling(.maximum, SpatialOptions(size: [2], strides: [2])),
            shapes: [[2, 6, 3]]),
        .init(
            name: "LocalPooling average",
            operation: LocalPooling(.average, SpatialOptions(size: [3], strides: [2], padding: .same)),
            shapes: [[2, 6, 3]]),
        .init(name: "GlobalPooling", operation: GlobalPooling(.average), shapes: [[3, 4, 3]], isMasked: true),
        .init(name: "GlobalPooling maximum", operation: GlobalPooling(.maximum), shapes: [[2, 4, 3]]),
        .init(name: "UpSampling", operation: UpSampling([2, 3]), shapes: [[2, 2, 3, 2]]),
        .init(name: "ZeroPadding", operation: ZeroPadding([SpatialMargin(1, 2)]), shapes: [[2, 3, 2]]),
        .init(name: "Cropping", operation: Cropping([SpatialMargin(1, 1)]), shapes: [[2, 5, 2]]),
    ]

    @Test func coverTheCatalogue() {
        for type in OperatorCatalogue.all {
            let isTrained = Self.cases.contains { $0.operation.kind == type.kind }
            #expect(isTrained && type is any TrainableOperator.Type, "\(type.kind) needs a gradient and a case")
        }
    }

    @Test(arguments: cases)
    func areSlopes(_ test: Case) throws {
        var random = RandomSource(seed: 7)
        let graph = try test.graph()
        var inputs = test.shapes.map { shape in
            test.isIntegers
                ? Tensor((0..<shape.product).map { Int32($0 % 5) }, shape: shape) : random.uniform(shape, in: -1..<1)
        }
        if test.isMasked { inputs.append(test.mask) }
        var parameters = ParameterSet()
        for spec in try graph.parameterSpecs() {
            parameters[spec.name] =
                spec.name.contains("variance")
                ? random.uniform(spec.shape, in: 0.5..<1.5) : random.uniform(spec.shape, in: -0.8..<0.8)
        }
        let trained = Set(try graph.parameterSpecs().filter(\.isTrainable).map(\.name))
        var cotangents: [Tensor] = []
        let (_, gradients) = try graph.gradients(inputs, parameters) { outputs in
            cotangents = outputs.map { random.uniform($0.shape, in: -1..<1) }
            return cotangents
        }
        func loss(_ inputs: [Tensor], _ parameters: ParameterSet) throws -> Double {
            let outputs = try graph.gradients(inputs, parameters) { $0.map { _ in nil } }.outputs
            return zip(outputs, cotangents).reduce(0) { sum, pair in
                zip(pair.0.floats, pair.1.floats).reduce(sum) { $0 + Double($1.0) * Double($1.1) }
            }
        }
        for index in test.shapes.indices where !test.isIntegers {
            let direction = random.uniform(test.shapes[index], in: -1..<1)
            let gradient = try #require(gradients.inputs[index])
            try expectSlope(gradient, along: direction, "\(test.name) input \(index)") { step in
                var moved = inputs
                moved[index] = moved[index] + direction * Tensor(scalar: step)
                return try loss(moved, parameters)
            }
        }
        for name in trained {
            let shape = try #require(parameters[name]?.shape)
            let direction = random.uniform(shape, in: -1..<1)
            let gradient = try #require(gradients.parameters[name], "\(test.name): no gradient of \(name)")
            try expectSlope(gradient, along: direction, "\(test.name) \(name)") { step in
                var moved = parameters
                moved[name] = parameters[name].map { $0 + direction * Tensor(scalar: step) }
                return try loss(inputs, moved)
            }
        }
    }

    /// Compares gradient·direction with the change of the loss along the direction: a central difference of fourth
    /// order, so that a step large enough for float32 is small enough for the truncation.
    private func expectSlope(
        _ gradient: Tensor, along direction: Tensor, _ what: String, _ loss: (Float) throws -> Double
    ) throws {
        let h: Float = 4e-3
        let slope = zip(gradient.floats, direction.floats).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
        let near = try (loss(h) - loss(-h)) / (2 * Double(h))
        let far = try (loss(2 * h) - loss(-2 * h)) / (4 * Double(h))
        let expected = (4 * near - far) / 3
        let scale = max(abs(slope), abs(expected), 0.1)
        #expect(abs(slope - expected) <= 2e-3 * scale, "\(what): gradient \(slope), slope \(expected)")
    }

    private static func withStates<Layer: RecurrentOperator>(_ layer: Layer) -> Layer {
        var layer = layer
        layer.options.returnState = true
        layer.options.returnSequences = true
        return layer
    }

    private static func backwards(_ layer: LSTM) -> LSTM {
        var layer = layer
        layer.options.goBackwards = true
        return layer
    }

    private static var submodel: Submodel {
        var graph = Graph()
        let x = graph.addInput("x", ValueType(.float32, [.batch, 3, 4]))
        guard let h = try? graph.append("gru", GRU(3), [x])[0], let y = try? graph.append("dense", Dense(2), [h])[0]
        else { return Submodel(graph) }
        graph.setOutputs([y], names: ["dense"])
        return Submodel(graph)
    }

    private static var einsumDense: any Operator {
        (try? EinsumDense("abc,cde->abde", outputShape: [3, 2, 3], biasAxes: "de", activation: .tanh)) ?? Dense(1)
    }
}

extension NumericalGradientTests.Case {
    /// One call of the operator, with a mask given as another input where there is one.
    func graph() throws -> Graph {
        var graph = Graph()
        let values = shapes.enumerated().map { index, shape in
            let type = ValueType(isIntegers ? .int32 : .float32, [.batch] + shape.dropFirst().map(Dimension.fixed))
            return graph.addInput("x\(index)", type)
        }
        var source = Graph.MaskSource.carried
        if isMasked { source = .given(graph.addInput("mask", ValueType(.bool, [.batch, .fixed(shapes[0][1])]))) }
        let layer = graph.addLayer(.init("layer", operation))
        let outputs = try graph.call(layer: layer, values, mask: source)
        graph.setOutputs(outputs, names: outputs.indices.map { "y\($0)" })
        return graph
    }

    /// Rows that hide nothing, the end, and a hole with the start.
    var mask: Tensor {
        let (rows, time) = (shapes[0][0], shapes[0][1])
        let flags = (0..<(rows * time)).map { i -> Bool in
            let (row, t) = (i / time, i % time)
            return row == 0 || (row == 1 ? t < time - 2 : t % 2 == 1)
        }
        return Tensor(flags, shape: [rows, time])
    }
}
