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

    /// The parameters of each direction, taken out of W, R, B and P.
    ///
    /// - Throws: ``FerryError/Code/shape`` naming the input that does not fit the number of units.
    static func split(
        _ kernel: Tensor, _ recurrent: Tensor, biases: Tensor?, peepholes: Tensor?, units: Int, gates: Int,
        directions: Int, names: [String] = ["W", "R", "B", "P"]
    ) throws -> [ONNXRecurrentParts] {
        guard recurrent.shape.last == units else {
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
                    .shape, found: "input '\(names[index])' has shape \(tensor.shape)",
                    expected: "\([directions] + shape) for \(units) units")
            }
            return tensor.cast(to: .float32).split(axis: 0, lengths: [Int](repeating: 1, count: directions)).map {
                $0.reshaped(shape)
            }
        }
        let kernels = try parts(0, kernel, [stacked, features])
        let recurrents = try parts(1, recurrent, [stacked, units])
        let biases = try biases.map { try parts(2, $0, [2 * stacked]) }
        let peepholes = try peepholes.map { try parts(3, $0, [3 * units]) }
        return (0..<directions).map { index in
            ONNXRecurrentParts(
                kernel: kernels[index], recurrentKernel: recurrents[index],
                biases: biases?[index].reshaped([2, stacked]), peephole: peepholes?[index])
        }
    }
}

extension ONNXRecurrentReadable {
    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let settings = try ONNXRecurrentSettings(&node, self)
        var layers: [Self] = []
        var parameters: [ParameterSet] = []
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
            if let weights = settings.weights { parameters.append(try layer.parameters(weights[index])) }
            layers.append(layer)
        }
        return try ONNXRecurrentCall(node, settings).append(layers, parameters)
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
    /// The number of features of x, where the weights tell it.
    let features: Int?
    /// The weights of each direction; nil where they are computed.
    let weights: [ONNXRecurrentParts]?
    /// W, R, B and P; nil for those that the file leaves out.
    let weightOperands: [ONNXOperand?]

    init(_ node: inout ONNXNodeReader, _ type: any ONNXRecurrentReadable.Type) throws {
        directions = try Self.directions(&node)
        clip = try node.attributes.float("clip")
        timeMajor = try node.attributes.int("layout") ?? 0 == 0
        // Whether Y is computed follows from whether anybody reads it.
        node.attributes.ignore("output_sequence")
        activations = try Self.activations(&node, type, directions: directions.count)
        let (kernel, recurrent) = (node.type(try node.input(1)), node.type(try node.input(2)))
        units = try node.attributes.int("hidden_size") ?? recurrent.shape.last?.length ?? 0
        features = kernel.shape.last?.length
        guard kernel.rank == 3, recurrent.rank == 3, 1..<(1 << 24) ~= units else {
            throw FerryError(
                .shape, found: "weights \(kernel.shape), recurrent weights \(recurrent.shape) and \(units) units",
                expected:
                    "[directions, \(type.gateCount) · units, features] and [directions, \(type.gateCount) · units, units]"
            )
        }
        weightOperands = try [1, 2, 3, 7].map(node.optional)
        let known = weightOperands.map { $0?.tensor }
        guard zip(weightOperands, known).allSatisfy({ $0 == nil || $1 != nil }), let w = known[0], let r = known[1]
        else {
            weights = nil
            return
        }
        weights = try ONNXRecurrentParts.split(
            w, r, biases: known[2], peepholes: known[3], units: units, gates: type.gateCount,
            directions: directions.count, names: [1, 2, 3, 7].map { node.lacks($0) ? "" : node.node.inputs[$0] })
    }

    /// For each direction whether time runs backwards.
    static func directions(_ node: inout ONNXNodeReader) throws -> [Bool] {
        // "foward" is the default that the first version's text gives.
        try node.attributes.choice(
            "direction",
            ["forward": [false], "foward": [false], "reverse": [true], "bidirectional": [false, true]], default: [false]
        )
    }

    /// The functions of each direction; α and β come from lists in order, one for each function that takes one.
    static func activations(
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
