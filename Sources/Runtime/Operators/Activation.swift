public import FerryEngine

/// A function of each number, or of each line along an axis.
public struct Activation: Operator, Hashable {
    public static let kind = "Activation"

    /// The function.
    public var function: ActivationFunction

    /// A layer that applies `function`.
    public init(_ function: ActivationFunction) { self.function = function }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public var timeLocality: TimeLocality {
        guard let axis = function.axis else { return .perStep }
        return axis < 0 || axis > 1 ? .perStep : .wholeSequence
    }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        if let axis = function.axis, resolvedAxis(axis, rank: inputs[0].rank) == nil {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "an axis \(axis)")
        }
        return [inputs[0].with(dtype: .float32)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        [Signal(try function(inputs[0].tensor.cast(to: .float32)), mask: inputs[0].mask)]
    }
}

/// x where x > 0, else α∘x with a learned α, one for each element or shared along some axes (He et al. 2015).
public struct PReLU: Operator, Hashable {
    public static let kind = "PReLU"

    /// The axes (of [batch, …]) along which α is shared, counted with the batch as axis 0.
    public var sharedAxes: [Int]
    public var alpha = ParameterPolicy(.zeros)

    /// A layer whose α is shared along `sharedAxes`.
    public init(sharedAxes: [Int] = []) { self.sharedAxes = sharedAxes }

    public func carriesMask(inputs: [Bool]) -> Bool { inputs[0] }
    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] { [inputs[0].with(dtype: .float32)] }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let shape = try (1..<max(inputs[0].rank, 1)).map { axis in
            if sharedAxes.contains(axis) { return 1 }
            guard let length = inputs[0].shape[axis].length else {
                throw FerryError(
                    .shape, found: "input \(inputs[0].shape)", expected: "a fixed axis \(axis)",
                    remedy: "share alpha along it")
            }
            return length
        }
        return [ParameterSpec("alpha", shape, policy: alpha)]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let alpha = try parameters.required("alpha")
        let y = try inputs[0].tensor.cast(to: .float32).combining(alpha) { (x: Float, a: Float) in x > 0 ? x : a * x }
        return [Signal(y, mask: inputs[0].mask)]
    }
}
