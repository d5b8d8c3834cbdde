public import FerryEngine

/// What the recurrent layers have in common beside their equations; the names and meanings are Keras's.
public struct RecurrentOptions: Sendable, Hashable {
    /// Whether every step's output comes out, [batch, time, units], or the last one only, [batch, units].
    public var returnSequences = false
    /// Whether the last states come out too.
    public var returnState = false
    /// Whether time runs from the last step to the first; outputs come in the order of processing.
    public var goBackwards = false
    /// Whether the states of one call are the initial states of the next.
    public var isStateful = false
    /// Whether Keras builds one graph node per step; without influence on the numbers.
    public var unroll = false
    /// Whether the first axis of input and output is time (Keras 2).
    public var timeMajor = false
    /// Whether a masked step puts out zeros and not the last output again.
    public var zeroOutputForMask = false
    /// Whether a masked step before the first that counts puts out the initial state and not zeros (Keras 1 and 2.0 to
    /// 2.2 with TensorFlow).
    public var beginsWithState = false
    /// The share of inputs dropped in training.
    public var dropout = 0.0
    /// The share of states dropped in training.
    public var recurrentDropout = 0.0

    /// Keras's defaults.
    public init() {}
}

/// One time step of a recurrence.
public protocol RecurrentCell: Sendable {
    /// The shapes of the states for `batch` rows, [batch, units] each.
    func stateShapes(batch: Int) -> [[Int]]
    /// One step from `input` [batch, features].
    func step(_ input: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor])
}

/// A layer that runs a cell over the time axis of its first input; further inputs are initial states.
public protocol RecurrentOperator: Operator {
    /// Direction, states and outputs.
    var options: RecurrentOptions { get set }
    /// The length of the last axis of each state.
    var stateSizes: [Int] { get }
    /// The length of the last axis of the output.
    var outputSize: Int { get }
    /// The cell with its parameters.
    func cell(_ parameters: ParameterSet) throws -> any RecurrentCell
}

extension RecurrentOperator {
    public var arity: ClosedRange<Int> { 1...(1 + stateSizes.count) }
    public var isStateful: Bool { options.isStateful }
    public func carriesMask(inputs: [Bool]) -> Bool { options.returnSequences && inputs[0] }
    public var timeLocality: TimeLocality { options.goBackwards ? .wholeSequence : .recurrent }

    /// [batch, time, units] or [batch, units], then the states.
    public func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        let input = inputs[0]
        guard input.rank == 3 else {
            throw FerryError(
                .shape, found: "input \(input.shape)", expected: "[batch, time, features]",
                remedy: "reshape the data so that each sample is a sequence of feature vectors")
        }
        let (batch, time) = options.timeMajor ? (input.shape[1], input.shape[0]) : (input.shape[0], input.shape[1])
        let features = Dimension.fixed(outputSize)
        let sequence = options.timeMajor ? [time, batch, features] : [batch, time, features]
        let output = ValueType(.float32, options.returnSequences ? sequence : [batch, features])
        let states = stateSizes.map { ValueType(.float32, [batch, .fixed($0)]) }
        return options.returnState ? [output] + states : [output]
    }

    public func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        let initial = inputs.dropFirst(1).present.map { $0.tensor.cast(to: .float32) }
        return try runSequence(cell(parameters), inputs[0], initial: initial, options, &state)
    }

    /// The length of the feature axis.
    ///
    /// - Throws: ``FerryError/Code/shape`` where it is free.
    func featureCount(_ inputs: Slots<ValueType>) throws -> Int {
        guard let features = inputs[0].shape.last?.length else {
            throw FerryError(.shape, found: "input \(inputs[0].shape)", expected: "a fixed number of features")
        }
        return features
    }
}

/// Runs a cell over the time axis by the plain definition (Keras `backend.rnn`).
///
/// A masked step keeps the states and repeats the last *output*, which is zero before the first unmasked step where the
/// options say nothing else.
func runSequence(
    _ cell: any RecurrentCell, _ signal: Signal, initial: [Tensor], _ options: RecurrentOptions,
    _ state: inout LayerState
) throws -> [Signal] {
    let input = signal.tensor.cast(to: .float32)
    let x = options.timeMajor ? input.timeAndBatchSwapped : input
    let mask = signal.mask.map { options.timeMajor ? $0.transposed([1, 0]) : $0 }
    let (batch, time) = (x.shape[0], x.shape[1])
    var states = try initialStates(cell, batch: batch, given: initial, options, state)
    var outputs: [Tensor] = []
    var last: Tensor? = options.beginsWithState && signal.mask != nil ? states.first : nil
    for t in options.goBackwards ? Array((0..<time).reversed()) : Array(0..<time) {
        let input = x.sliced(axis: 1, from: t, count: 1).reshaped([batch] + x.shape.dropFirst(2))
        let (output, next) = try cell.step(input, states)
        guard let mask else {
            (states, last) = (next, output)
            outputs.append(output)
            continue
        }
        let counts = mask.sliced(axis: 1, from: t, count: 1).reshaped([batch])
        let previous = last ?? Tensor(zeros: output.shape)
        let masked = options.zeroOutputForMask ? Tensor(zeros: output.shape) : previous
        outputs.append(output.selectingRows(counts, otherwise: masked))
        last = output.selectingRows(counts, otherwise: previous)
        states = zip(next, states).map { $0.selectingRows(counts, otherwise: $1) }
    }
    if options.isStateful || state.isStreaming { state.tensors = states }
    let empty = try cell.step(Tensor(zeros: [batch] + x.shape.dropFirst(2)), states).output.shape
    let final = options.zeroOutputForMask ? outputs.last : last
    var result = Signal(final ?? Tensor(zeros: empty))
    if options.returnSequences {
        let sequence = outputs.isEmpty ? Tensor(zeros: [batch, 0] + empty.dropFirst()) : .stacked(outputs, axis: 1)
        result = Signal(options.timeMajor ? sequence.timeAndBatchSwapped : sequence, mask: signal.mask)
    }
    return [result] + (options.returnState ? states.map { Signal($0) } : [])
}

/// The states given as inputs, or those of the last call of a stateful layer, or zeros.
func initialStates(
    _ cell: any RecurrentCell, batch: Int, given: [Tensor], _ options: RecurrentOptions, _ state: LayerState
) throws -> [Tensor] {
    let shapes = cell.stateShapes(batch: batch)
    let carried = (options.isStateful || state.isStreaming) && !state.tensors.isEmpty
    let states = !given.isEmpty ? given : carried ? state.tensors : shapes.map { Tensor(zeros: $0) }
    guard states.map(\.shape) == shapes else {
        throw FerryError(
            .shape, found: "initial states of shapes \(states.map(\.shape))", expected: "\(shapes)",
            remedy: "keep the batch size of a stateful model, or reset its states first")
    }
    return states
}

extension Tensor {
    /// [time, batch, …] from [batch, time, …] or back.
    var timeAndBatchSwapped: Tensor { transposed([1, 0] + Array(2..<rank)) }

    /// The rows (of axis 0) where `condition`, bool [rows], is true, and those of `other` elsewhere.
    func selectingRows(_ condition: Tensor, otherwise other: Tensor) -> Tensor {
        let keep: [Bool] = condition.elements()
        let width = shape.dropFirst().reduce(1, *)
        return withUnsafeElements { (a: UnsafeBufferPointer<Float>) in
            other.withUnsafeElements { (b: UnsafeBufferPointer<Float>) in
                Tensor(shape: shape, of: Float.self) { target in
                    for i in target.indices { target[i] = keep[i / width] ? a[i] : b[i] }
                }
            }
        }
    }
}
