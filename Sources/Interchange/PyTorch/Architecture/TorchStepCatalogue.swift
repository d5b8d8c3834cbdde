import FerryEngine
import FerryRuntime

/// The layers that a description may name.
enum TorchStepCatalogue {
    /// Reads the settings of a step and adds its layers.
    typealias Build = @Sendable (inout TorchStep, inout TorchGraphBuilder) throws -> Void

    /// The layers that run over time.
    static let recurrent: Set<String> = ["lstm", "gru", "rnn"]

    /// The layers by name.
    static let byName: [String: Build] = [
        "input": buildInput,
        "lstm": { try buildRecurrent(&$0, &$1) { LSTM($0) } },
        "gru": { try buildRecurrent(&$0, &$1) { GRU($0) } },
        "rnn": { try buildRecurrent(&$0, &$1) { SimpleRNN($0) } },
        "embedding": buildEmbedding,
        "linear": buildLinear,
        "conv1d": { try buildConv(&$0, &$1, axes: 1) },
        "conv2d": { try buildConv(&$0, &$1, axes: 2) },
        "maxpool1d": { try buildPooling(&$0, &$1, .maximum) },
        "avgpool1d": { try buildPooling(&$0, &$1, .average) },
        "batchnorm": buildBatchNorm, "batchnorm1d": buildBatchNorm, "batchnorm2d": buildBatchNorm,
        "layernorm": buildLayerNorm,
        "dropout": { step, builder in
            let rate = try step.number("p") ?? 0.5
            try builder.append(Dropout(rate), name: step.text("name") ?? "dropout")
        },
        "flatten": { try $1.appendInOrder(Flatten(), name: $0.text("name") ?? "flatten") },
        "transpose": { try $1.swapAxes() },
        "last": { try buildLast(&$1) },
        "final": { try buildFinal(&$1) },
        "relu": activation(.relu), "tanh": activation(.tanh), "sigmoid": activation(.sigmoid),
        "elu": activation(.elu(alpha: 1)), "selu": activation(.selu), "gelu": activation(.gelu(approximate: false)),
        "silu": activation(.silu), "softplus": activation(.softplus), "softsign": activation(.softsign),
        "hardtanh": activation(.hardTanh), "hardsigmoid": activation(.hardSigmoidKeras3),
        "hardswish": activation(.hardSilu), "mish": activation(.mish), "relu6": activation(.relu6),
        "logsigmoid": activation(.logSigmoid),
        "leakyrelu": { step, builder in
            let slope = Float(try step.number("slope") ?? step.number("negative_slope") ?? 0.01)
            try builder.append(Activation(.relu(slope: slope)), name: step.text("name") ?? "leakyrelu")
        },
        "softmax": { try $1.appendInOrder(Activation(.softmax), name: $0.text("name") ?? "softmax") },
        "logsoftmax": {
            try $1.appendInOrder(Activation(.logSoftmax(axis: -1)), name: $0.text("name") ?? "logsoftmax")
        },
    ]

    private static func activation(_ function: ActivationFunction) -> Build {
        { step, builder in try builder.append(Activation(function), name: step.text("name") ?? step.name) }
    }

    /// `input:time,4`, `input:3,28,28`, `input:time,int`: the axes behind the batch.
    private static let buildInput: Build = { step, builder in
        let isInteger = try step.flag("int", default: false)
        let hasTime = try step.flag("time", default: false)
        var shape: [Dimension] = hasTime ? [.batch, .time] : [.batch]
        while let length = try step.count("length") { shape.append(.fixed(length)) }
        builder.begin(shape, dtype: isInteger ? .int64 : .float32)
    }

    private static let buildLinear: Build = { step, builder in
        let given =
            step.numberCount > 1
            ? try step.count("in", "in_features") : try step.count("in", "in_features", byPlace: false)
        let units = try step.requiredCount("out", "out_features")
        try builder.restoreOrder()
        if builder.type == nil {
            let features = Dimension.fixed(try builder.features(given))
            builder.begin(builder.isSequence ? [.batch, .time, features] : [.batch, features])
        } else {
            _ = try builder.features(given)
        }
        var dense = Dense(units)
        dense.useBias = try step.flag("bias", default: true)
        try builder.appendInOrder(dense, name: step.text("name") ?? "linear")
    }

    private static let buildEmbedding: Build = { step, builder in
        let rows = try step.requiredCount("num", "num_embeddings")
        let size = try step.requiredCount("dim", "embedding_dim")
        // A row of zeros in the file; looked up like any other.
        _ = try step.count("padding_idx", byPlace: false)
        builder.begin([.batch, .time], dtype: .int64)
        try builder.appendInOrder(Embedding(rows, size), name: step.text("name") ?? "embedding")
    }

    private static let buildLayerNorm: Build = { step, builder in
        try builder.restoreOrder()
        let features = try builder.features(step.count("features", "normalized_shape"))
        builder.begin(builder.isSequence ? [.batch, .time, .fixed(features)] : [.batch, .fixed(features)])
        var layer = LayerNormalization(epsilon: Float(try step.number("eps") ?? 1e-5))
        layer.scale = try step.flag("elementwise_affine", default: true)
        layer.center = try step.flag("bias", default: true) && layer.scale
        try builder.appendInOrder(layer, name: step.text("name") ?? "layernorm")
    }

    private static let buildBatchNorm: Build = { step, builder in
        let given = try step.count("features", "num_features")
        if builder.type == nil { builder.begin([.batch, .fixed(try builder.features(given))]) }
        let isLast = builder.hasFeaturesLast || builder.type?.rank == 2
        var layer = BatchNormalization(
            axis: isLast ? -1 : 1, epsilon: Float(try step.number("eps") ?? 1e-5),
            momentum: 1 - (try step.number("momentum") ?? 0.1))
        layer.scale = try step.flag("affine", default: true)
        layer.center = layer.scale
        try builder.append(layer, name: step.text("name") ?? "batchnorm")
    }

    /// `x[:, -1]`: for a recurrent layer in one direction its last output.
    private static func buildLast(_ builder: inout TorchGraphBuilder) throws {
        let isDone = try builder.changeLast { operation in
            guard var layer = operation as? any RecurrentOperator, layer.options.returnSequences,
                !layer.options.timeMajor
            else { return nil }
            layer.options.returnSequences = false
            return layer
        }
        guard !isDone else { return }
        try builder.appendInOrder(Gather(axis: 1), name: "last", constant: Tensor(scalar: Int64(-1)))
    }

    /// The last hidden state, h_n of the highest layer, both directions beside each other.
    private static func buildFinal(_ builder: inout TorchGraphBuilder) throws {
        let isDone = try builder.changeLast { operation in
            if var layer = operation as? any RecurrentOperator {
                layer.options.returnSequences = false
                return layer
            }
            guard var both = operation as? Bidirectional else { return nil }
            both.forward.options.returnSequences = false
            both.backward.options.returnSequences = false
            return both
        }
        guard isDone else {
            throw FerryError(.shape, found: "no recurrent layer before it", expected: "lstm, gru or rnn")
        }
    }
}

// Recurrent layers and convolutions.
extension TorchStepCatalogue {
    private static func buildRecurrent(
        _ step: inout TorchStep, _ builder: inout TorchGraphBuilder, _ make: (Int) -> any RecurrentOperator
    ) throws {
        let hasInput = step.numberCount > 1
        let given = try step.count("in", "input", "input_size", byPlace: hasInput)
        let units = try step.requiredCount("hidden", "hidden_size")
        let layers = try step.count("layers", "num_layers", byPlace: true) ?? 1
        let isBidirectional = try step.flag("bidirectional", default: false)
        let isBatchFirst = try step.flag("batch_first", default: true)
        let dropout = try step.number("dropout") ?? 0
        let name = step.text("name") ?? step.name
        guard (1...1000).contains(layers), units > 0 else {
            throw FerryError(.range, found: "\(layers) layers of \(units) units", expected: "at least one of each")
        }
        try builder.restoreOrder()
        let features = Dimension.fixed(try builder.features(given))
        builder.begin(isBatchFirst ? [.batch, .time, features] : [.time, .batch, features])
        var cell = try configured(make(units), &step)
        cell.options.returnSequences = true
        cell.options.timeMajor = !isBatchFirst
        for layer in 0..<layers {
            let operation: any Operator = isBidirectional ? Bidirectional(cell) : cell
            try builder.append(operation, name: name)
            if dropout > 0, layer < layers - 1 { try builder.append(Dropout(dropout), name: "dropout") }
        }
    }

    private static func configured(
        _ operation: any RecurrentOperator, _ step: inout TorchStep
    ) throws -> any RecurrentOperator {
        let useBias = try step.flag("bias", default: true)
        switch operation {
        case var lstm as LSTM:
            lstm.useBias = useBias
            let size = try step.count("proj", "proj_size", byPlace: false) ?? 0
            lstm.projection = size > 0 ? size : nil
            return lstm
        case var gru as GRU:
            gru.useBias = useBias
            return gru
        case var rnn as SimpleRNN:
            rnn.useBias = useBias
            switch step.text("nonlinearity") ?? "tanh" {
            case "tanh": rnn.activation = .tanh
            case "relu": rnn.activation = .relu
            case let other: throw FerryError(.range, found: "nonlinearity=\(other)", expected: "tanh or relu")
            }
            return rnn
        default: return operation
        }
    }

    private static func buildConv(_ step: inout TorchStep, _ builder: inout TorchGraphBuilder, axes: Int) throws {
        let hasInput = step.numberCount > 2
        let given = try step.count("in", "in_channels", byPlace: hasInput)
        let filters = try step.requiredCount("out", "out_channels")
        let size = try step.requiredCount("kernel", "kernel_size")
        let stride = try step.count("stride", byPlace: false) ?? 1
        let dilation = try step.count("dilation", byPlace: false) ?? 1
        if builder.type == nil {
            let features = Dimension.fixed(try builder.features(given))
            builder.begin([.batch, features] + (axes == 1 ? [.time] : [.unknown, .unknown]))
        }
        guard builder.type?.rank == axes + 2, size > 0, stride > 0, dilation > 0 else {
            throw FerryError(
                .shape, found: "input \(builder.type?.shape ?? [])", expected: "[batch, channels] and \(axes) axes")
        }
        try builder.putFeaturesLast()
        func list(_ value: Int) -> [Int] { Array(repeating: value, count: axes) }
        var options = SpatialOptions(size: list(size), strides: list(stride), dilation: list(dilation))
        let padding = step.text("padding") ?? "0"
        let needed = (size - 1) * dilation
        if padding == "same" || stride == 1 && Int(padding).map({ $0 * 2 == needed && $0 > 0 }) == true {
            options.padding = .same
        } else if let margin = Int(padding), (0...1 << 20).contains(margin) {
            if margin > 0 {
                try builder.append(
                    ZeroPadding(list(margin).map { SpatialMargin($0, $0) }), name: "padding")
            }
        } else {
            throw FerryError(.range, found: "padding=\(padding)", expected: "a number or 'same'")
        }
        var conv = Conv(filters, options)
        conv.groups = try step.count("groups", byPlace: false) ?? 1
        conv.useBias = try step.flag("bias", default: true)
        try builder.append(conv, name: step.text("name") ?? step.name)
    }

    private static func buildPooling(
        _ step: inout TorchStep, _ builder: inout TorchGraphBuilder, _ function: LocalPooling.Function
    ) throws {
        let size = try step.requiredCount("kernel", "kernel_size")
        let stride = try step.count("stride") ?? size
        guard size > 0, stride > 0, builder.type?.rank == 3 else {
            throw FerryError(.shape, found: "input \(builder.type?.shape ?? [])", expected: "[batch, channels, length]")
        }
        try builder.putFeaturesLast()
        let options = SpatialOptions(size: [size], strides: [stride])
        try builder.append(LocalPooling(function, options), name: step.text("name") ?? step.name)
    }
}
