package import FerryEngine
package import FerryRuntime

/// A recurrent layer that one of ONNX's recurrent operators becomes.
package protocol ONNXRecurrentReadable: RecurrentOperator, ONNXReadable {
    /// How many gates W, R and B stack.
    static var gateCount: Int { get }
    /// The functions of one direction where the file names none, in the operator's order.
    static var defaultActivations: [ActivationFunction] { get }

    /// The layer for one direction; reads the attributes that only this operator has.
    init(_ node: inout ONNXNodeReader, units: Int, activations: [ActivationFunction]) throws

    /// The layer's parameters; says in the layer which of the optional ones there are.
    mutating func parameters(_ weights: ONNXRecurrentParts) throws -> ParameterSet

    /// The bound on what the activations are given.
    var clip: Float? { get set }
}

/// The parameters of one direction in ONNX's layout, float32.
package struct ONNXRecurrentParts {
    /// W [gates · units, features].
    package let kernel: Tensor
    /// R [gates · units, units].
    package let recurrentKernel: Tensor
    /// B in two rows, those of W and those of R: [2, gates · units]; nil means zeros.
    package let biases: Tensor?
    /// P [3 · units].
    package let peephole: Tensor?

    /// The sum of both biases, [gates · units]; that of W bit for bit where that of R is zero.
    package var bias: Tensor? {
        guard let biases else { return nil }
        let rows = biases.split(axis: 0, lengths: [1, 1]).map { $0.reshaped([biases.shape[1]]) }
        return rows[1].floats.allSatisfy { $0 == 0 } ? rows[0] : rows[0] + rows[1]
    }
}

extension ONNXRecurrentReadable {
    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let settings = try ONNXRecurrentSettings(&node, self)
        var directions: [(layer: Self, parameters: ParameterSet)] = []
        let attributes = node.attributes
        for (index, isReverse) in settings.directions.enumerated() {
            // Each direction reads the attributes that both share.
            node.attributes = attributes
            var layer = try Self(&node, units: settings.units, activations: settings.activations[index])
            layer.clip = settings.clip
            layer.options.timeMajor = settings.timeMajor
            layer.options.returnSequences = true
            layer.options.returnState = true
            layer.options.goBackwards = isReverse
            layer.options.zeroOutputForMask = !node.lacks(4)
            let parameters = try layer.parameters(settings.weights[index])
            directions.append((layer, parameters))
        }
        return try ONNXRecurrentCall(node, settings).append(directions)
    }
}

/// What the attributes and the constant inputs of a recurrent operator say.
package struct ONNXRecurrentSettings {
    /// For each direction whether time runs backwards.
    let directions: [Bool]
    let units: Int
    let activations: [[ActivationFunction]]
    let clip: Float?
    let timeMajor: Bool
    let weights: [ONNXRecurrentParts]

    init(_ node: inout ONNXNodeReader, _ type: any ONNXRecurrentReadable.Type) throws {
        // "foward" is the default that the first version's text gives.
        directions = try node.attributes.choice(
            "direction",
            ["forward": [false], "foward": [false], "reverse": [true], "bidirectional": [false, true]], default: [false]
        )
        clip = try node.attributes.float("clip")
        timeMajor = try node.attributes.int("layout") ?? 0 == 0
        // Whether Y is computed follows from whether anybody reads it.
        node.attributes.ignore("output_sequence")
        activations = try Self.activations(&node, type, directions: directions.count)
        let recurrent = try node.constant(2, "recurrent weights")
        units = try node.attributes.int("hidden_size") ?? recurrent.shape.last ?? 0
        weights = try Self.weights(node, recurrent, units: units, gates: type.gateCount, directions: directions.count)
    }

    private static func weights(
        _ node: ONNXNodeReader, _ recurrent: Tensor, units: Int, gates: Int, directions: Int
    ) throws -> [ONNXRecurrentParts] {
        let kernel = try node.constant(1, "weights")
        guard 1..<(1 << 24) ~= units, recurrent.shape.last == units else {
            throw FerryError(
                .shape, found: "\(units) units and recurrent weights \(recurrent.shape)",
                expected: "[directions, \(gates) · units, units]")
        }
        guard kernel.rank == 3, let features = kernel.shape.last, features > 0 else {
            throw FerryError(
                .shape, found: "weights \(kernel.shape)", expected: "[directions, \(gates) · units, features]")
        }
        let stacked = gates * units
        func parts(_ index: Int, _ tensor: Tensor, _ shape: [Int]) throws -> [Tensor] {
            guard tensor.shape == [directions] + shape else {
                throw FerryError(
                    .shape, found: "input '\(node.node.inputs[index])' has shape \(tensor.shape)",
                    expected: "\([directions] + shape) for \(units) units")
            }
            return tensor.cast(to: .float32).split(axis: 0, lengths: [Int](repeating: 1, count: directions)).map {
                $0.reshaped(shape)
            }
        }
        func optionalParts(_ index: Int, _ meaning: String, _ shape: [Int]) throws -> [Tensor]? {
            node.lacks(index) ? nil : try parts(index, node.constant(index, meaning), shape)
        }
        let kernels = try parts(1, kernel, [stacked, features])
        let recurrents = try parts(2, recurrent, [stacked, units])
        let biases = try optionalParts(3, "biases", [2 * stacked])
        let peepholes = try optionalParts(7, "peepholes", [3 * units])
        return (0..<directions).map { index in
            ONNXRecurrentParts(
                kernel: kernels[index], recurrentKernel: recurrents[index],
                biases: biases?[index].reshaped([2, stacked]), peephole: peepholes?[index])
        }
    }

    /// The functions of each direction; α and β come from lists in order, one for each function that takes one.
    private static func activations(
        _ node: inout ONNXNodeReader, _ type: any ONNXRecurrentReadable.Type, directions: Int
    ) throws -> [[ActivationFunction]] {
        let perDirection = type.defaultActivations.count
        var alphas = try node.attributes.floats("activation_alpha") ?? []
        var betas = try node.attributes.floats("activation_beta") ?? []
        guard let names = try node.attributes.texts("activations") else {
            return [[ActivationFunction]](repeating: type.defaultActivations, count: directions)
        }
        guard names.count == directions * perDirection else {
            throw FerryError(
                .range, at: ["attribute 'activations'"], found: "\(names.count) functions",
                expected: "\(directions * perDirection)")
        }
        func next(_ list: inout [Float], _ value: Float?) -> Float? {
            value == nil || list.isEmpty ? nil : list.removeFirst()
        }
        var takesArguments = false
        let functions = try names.map { name -> ActivationFunction in
            let arguments = ONNXActivation.arguments[name.lowercased()]
            takesArguments = takesArguments || arguments?.alpha != nil || arguments?.beta != nil
            var activation = ONNXActivation(name)
            activation.alpha = next(&alphas, arguments?.alpha)
            activation.beta = next(&betas, arguments?.beta)
            if arguments?.isUnspecified == true, activation.alpha == nil {
                throw FerryError(
                    .missingKey, at: ["attribute 'activation_alpha'"], found: "no value for \(name)",
                    expected: "one, because ONNX gives it no default")
            }
            guard let function = ActivationFunction(onnxRecurrent: activation) else {
                throw FerryError(
                    .range, at: ["attribute 'activations'"], found: "'\(name)'",
                    expected: "one of \(ONNXActivation.arguments.keys.sorted().joined(separator: ", "))")
            }
            return function
        }
        guard !takesArguments || (alphas.isEmpty && betas.isEmpty) else {
            throw FerryError(
                .range, at: ["attribute 'activation_alpha' or 'activation_beta'"],
                found: "more values than functions take them",
                expected: "one for each that does")
        }
        return (0..<directions).map { Array(functions[($0 * perDirection)..<(($0 + 1) * perDirection)]) }
    }
}
