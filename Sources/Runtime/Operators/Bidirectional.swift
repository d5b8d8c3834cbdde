public import FerryEngine

/// Runs one recurrent layer forwards and another backwards over the same sequence (Schuster & Paliwal 1997).
///
/// Inputs: x, then the initial states of the forward layer, then those of the backward one. Outputs: the merged
/// sequences, or both where they are not merged, then the states of both.
public struct Bidirectional: Operator {
    public static let kind = "Bidirectional"

    /// How the outputs of the two directions become one.
    public enum Merge: String, Sendable, CaseIterable {
        case concatenate = "concat", sum, multiply = "mul", average = "ave"
    }

    /// Runs in its own direction, usually from the first step to the last.
    public var forward: any RecurrentOperator
    /// Runs in the other direction; its outputs are turned around before they are merged.
    public var backward: any RecurrentOperator
    /// How the outputs become one; nil where both come out.
    public var merge: Merge?
    /// The names that the two layers have in files.
    public var layerNames = (forward: "forward", backward: "backward")
    /// Whether training changes the parameters of each layer.
    public var trains = (forward: true, backward: true)

    /// What each layer's outputs add to the loss.
    public var activityRegularizers: (forward: Regularizer?, backward: Regularizer?) = (nil, nil)

    /// Two layers of opposite directions.
    public init(forward: any RecurrentOperator, backward: any RecurrentOperator, merge: Merge? = .concatenate) {
        self.forward = forward
        self.backward = backward
        self.merge = merge
    }

    /// A layer and its mirror image.
    public init(_ layer: any RecurrentOperator, merge: Merge? = .concatenate) {
        var (forward, backward) = (layer, layer)
        backward.options.goBackwards.toggle()
        // Keras: both directions put out zeros at masked steps where sequences are merged (`Bidirectional.__init__`).
        forward.options.zeroOutputForMask = layer.options.returnSequences
        backward.options.zeroOutputForMask = layer.options.returnSequences
        self.init(forward: forward, backward: backward, merge: merge)
    }

    public var isStateful: Bool { forward.isStateful || backward.isStateful }
    public func carriesMask(inputs: [Bool]) -> Bool { forward.options.returnSequences && inputs[0] }
    public var arity: ClosedRange<Int> { 1...(1 + forward.stateSizes.count + backward.stateSizes.count) }

    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let (forwardInputs, backwardInputs) = directions(inputs)
        let there = try forward.outputTypes(for: forwardInputs)
        let back = try backward.outputTypes(for: backwardInputs)
        let states = there.dropFirst() + back.dropFirst()
        guard let merge else { return [there[0], back[0]] + states }
        guard merge == .concatenate else {
            guard there[0].shape == back[0].shape else {
                throw FerryError(
                    .shape, found: "directions of shapes \(there[0].shape) and \(back[0].shape)",
                    expected: "equal shapes to merge by '\(merge.rawValue)'")
            }
            return [there[0]] + states
        }
        var merged = there[0]
        merged.shape[merged.rank - 1] = .fixed(forward.outputSize + backward.outputSize)
        return [merged] + states
    }

    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        let (forwardInputs, backwardInputs) = directions(inputs)
        return try forward.parameterSpecs(for: forwardInputs).map {
            $0.scoped(to: "forward", isTrained: trains.forward)
        }
            + backward.parameterSpecs(for: backwardInputs).map { $0.scoped(to: "backward", isTrained: trains.backward) }
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let plain = PreparedBidirectional(
            layer: self, forward: PlainOperator(operation: forward, parameters: parameters.scoped(to: "forward")),
            backward: PlainOperator(operation: backward, parameters: parameters.scoped(to: "backward")))
        return try plain.run(inputs, &state)
    }

    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        PreparedBidirectional(
            layer: self, forward: try forward.prepare(parameters.scoped(to: "forward"), packing),
            backward: try backward.prepare(parameters.scoped(to: "backward"), packing))
    }

    /// The inputs of each direction: both get x, each its own states.
    func directions<Element>(_ inputs: Slots<Element>) -> (forward: Slots<Element>, backward: Slots<Element>) {
        let states = inputs.dropFirst(1).present
        let forwardStates = states.prefix(states.count / 2)
        return (Slots([inputs[0]] + forwardStates), Slots([inputs[0]] + states.dropFirst(forwardStates.count)))
    }

    /// The backward direction's sequence in the order of time, or back.
    func turned(_ sequence: Tensor) -> Tensor {
        guard backward.options.returnSequences else { return sequence }
        return sequence.reversed(axis: backward.options.timeMajor ? 0 : 1)
    }

    /// The outputs of the layer from those of its directions, both in the order of time.
    func joined(_ there: [Signal], _ back: [Signal]) -> [Signal] {
        let states = there.dropFirst() + back.dropFirst()
        guard let merge else { return [there[0], back[0]] + states }
        return [Signal(merged(there[0].tensor, back[0].tensor, by: merge), mask: there[0].mask)] + states
    }

    private func merged(_ a: Tensor, _ b: Tensor, by merge: Merge) -> Tensor {
        switch merge {
        case .concatenate: .concatenated([a, b], axis: a.rank - 1)
        case .sum: a + b
        case .multiply: a * b
        case .average: (a + b) * Tensor(scalar: Float(0.5))
        }
    }
}

/// A ``Bidirectional`` whose two directions are ready to run.
struct PreparedBidirectional: PreparedOperator {
    let layer: Bidirectional
    let forward: any PreparedOperator
    let backward: any PreparedOperator

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let (forwardInputs, backwardInputs) = layer.directions(inputs)
        let there = try state.withChild("forward") { try forward.run(forwardInputs, &$0) }
        var back = try state.withChild("backward") { try backward.run(backwardInputs, &$0) }
        back[0].tensor = layer.turned(back[0].tensor)
        return layer.joined(there, back)
    }
}
