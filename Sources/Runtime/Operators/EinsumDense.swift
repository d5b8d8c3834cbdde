public import FerryEngine

/// y = τ(einsum(x, W) + b), where an equation such as `abc,cd->abd` names the axes (Keras `EinsumDense`).
public struct EinsumDense: Operator, Hashable {
    public static let kind = "EinsumDense"

    /// The names of the axes of x and of W, and behind the arrow those of y; `...` stands for any axes at the front.
    public let equation: String
    /// The lengths of the output's axes after the batch; nil where the input has them.
    public var outputShape: [Int?]
    /// The axes of the output along which the bias differs; nil where there is no bias.
    public var biasAxes: String?
    /// τ
    public var activation: ActivationFunction
    public var kernel = ParameterPolicy(.glorotUniform)
    public var bias = ParameterPolicy(.zeros)
    private let einsum: Einsum

    /// - Throws: ``FerryError/Code/unsupported`` where the equation is none of two inputs.
    public init(
        _ equation: String, outputShape: [Int?], biasAxes: String? = nil, activation: ActivationFunction = .linear
    ) throws {
        self.equation = equation
        self.outputShape = outputShape
        self.biasAxes = biasAxes
        self.activation = activation
        einsum = try Einsum(equation)
        guard terms.count == 3, !terms[0].hasSuffix(".") else {
            throw FerryError(.unsupported, found: "the equation '\(equation)'", expected: "one such as '...c,cd->...d'")
        }
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let weights = ValueType(inputs[0].dtype, try kernelShape(inputs[0]).map(Dimension.fixed))
        return [try einsum.outputTypes(for: Slots([inputs[0], weights]))[0].with(dtype: .float32)]
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let kernel = ParameterSpec("kernel", try kernelShape(inputs[0]), policy: kernel)
        guard let biasAxes else { return [kernel] }
        let lengths = try lengths(inputs[0])
        let names = terms[2].filter(\.isLetter)
        guard biasAxes.allSatisfy(names.contains), let first = names.firstIndex(where: biasAxes.contains) else {
            throw FerryError(.shape, found: "bias axes '\(biasAxes)'", expected: "axes of '\(terms[2])'")
        }
        let shape = try names[first...].map { name in biasAxes.contains(name) ? try fixed(name, lengths) : 1 }
        return [kernel, ParameterSpec("bias", shape, policy: bias)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let x = Signal(inputs[0].tensor.cast(to: .float32))
        let y = try einsum.evaluate(Slots([x, Signal(try parameters.required("kernel"))]), parameters, &state)[0].tensor
        return [Signal(try activation(biasAxes == nil ? y : y + parameters.required("bias")))]
    }

    /// The names of the axes of x, W and y.
    var terms: [String] {
        equation.filter { $0 != " " && $0 != ">" }.split { $0 == "," || $0 == "-" }.map(String.init)
    }

    private func kernelShape(_ input: ValueType) throws -> [Int] {
        let lengths = try lengths(input)
        return try terms[1].map { try fixed($0, lengths) }
    }

    /// The lengths of the named axes: those of the output as far as they are given, else those of the input.
    private func lengths(_ input: ValueType) throws -> [Character: Int?] {
        let inputNames = Array(terms[0].filter(\.isLetter))
        let outputNames = Array(terms[2].filter(\.isLetter))
        guard terms[0].hasPrefix(".") ? input.rank >= inputNames.count : input.rank == inputNames.count else {
            throw FerryError(.shape, found: "input \(input.shape)", expected: "the axes of '\(terms[0])'")
        }
        var result: [Character: Int?] = [:]
        for (name, length) in zip(inputNames.reversed(), input.shape.reversed()) { result[name] = length.length }
        for (name, length) in zip(outputNames.reversed(), outputShape.reversed()) {
            if let length { result[name] = length }
        }
        return result
    }

    private func fixed(_ name: Character, _ lengths: [Character: Int?]) throws -> Int {
        guard let length = lengths[name] ?? nil else {
            throw FerryError(.shape, found: "an axis '\(name)' of free length", expected: "a fixed one")
        }
        return length
    }
}
