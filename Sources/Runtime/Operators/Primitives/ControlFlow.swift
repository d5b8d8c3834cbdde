package import FerryEngine

/// Runs one of two graphs.
///
/// Inputs: the condition, then those of the first graph, then those of the second.
package struct Conditional: Operator {
    package static let kind = "Conditional"
    /// What runs where the condition is true.
    package let yes: Graph
    /// What runs where it is false.
    package let no: Graph

    /// A choice between two graphs with as many outputs.
    package init(yes: Graph, no: Graph) {
        self.yes = yes
        self.no = no
    }

    package var arity: ClosedRange<Int> {
        let count = 1 + yes.inputs.count + no.inputs.count
        return count...count
    }

    /// Where the branches disagree about a length, it is open; where they disagree about the number of axes, the
    /// smaller one is expected: exporters write "drop this axis if it has length one" that way, and what follows
    /// relies on it.
    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard yes.outputs.count == no.outputs.count else {
            throw FerryError(
                .shape, found: "\(yes.outputs.count) and \(no.outputs.count) outputs", expected: "as many of both")
        }
        return try zip(yes.outputs, no.outputs).map { try common(yes.type(of: $0), no.type(of: $1)) }
    }

    package func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        try yes.parameterSpecs().map { $0.scoped(to: "yes") } + no.parameterSpecs().map { $0.scoped(to: "no") }
    }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        try prepare(parameters).run(inputs, &state)
    }

    package func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        PreparedConditional(
            yes: try PreparedGraph(yes, parameters.scoped(to: "yes")),
            no: try PreparedGraph(no, parameters.scoped(to: "no")),
            ranks: zip(yes.outputs, no.outputs).map { min(yes.type(of: $0).rank, no.type(of: $1).rank) })
    }
}

private struct PreparedConditional: PreparedOperator {
    let yes: PreparedGraph
    let no: PreparedGraph
    /// How many axes each output has.
    let ranks: [Int]

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let rest = inputs.dropFirst(1)
        let count = yes.graph.inputs.count
        let outputs =
            try condition(inputs[0].tensor)
            ? yes.run(rest.prefix(count), &state) : no.run(rest.dropFirst(count), &state)
        for (output, rank) in zip(outputs, ranks) where output.tensor.rank != rank {
            throw FerryError(
                .shape, found: "a branch that gives shape \(output.tensor.shape)", expected: "\(rank) axes")
        }
        return outputs
    }
}

/// Runs a graph again and again (ONNX `Loop`).
///
/// Inputs: how often at most and whether to begin at all, each of which may be left out; the carried values; what the
/// graph reads besides. The graph's inputs: the count of rounds so far, the condition, the carried values, the rest.
/// Its outputs: whether to go on, the carried values, and what each round leaves to be stacked along a new first
/// axis.
package struct Loop: Operator {
    package static let kind = "Loop"
    package let body: Graph
    /// How many values go from one round to the next.
    package let carried: Int

    package init(_ body: Graph, carried: Int) {
        self.body = body
        self.carried = carried
    }

    package var arity: ClosedRange<Int> { 0...body.inputs.count }

    package func outputTypes(for inputs: Slots<ValueType>) throws -> [ValueType] {
        guard inputs.count == body.inputs.count, inputs.dropFirst(2).present.count == body.inputs.count - 2 else {
            throw FerryError(.shape, found: "\(inputs.count) inputs", expected: "\(body.inputs.count) of them")
        }
        return body.outputs.dropFirst().enumerated().map { position, value in
            let type = body.type(of: value)
            return position < carried ? type : type.with(shape: [.unknown] + type.shape)
        }
    }

    package func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] { try body.parameterSpecs() }

    /// The graph counts for itself.
    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int { 0 }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        try prepare(parameters).run(inputs, &state)
    }

    package func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        PreparedLoop(loop: self, body: try PreparedGraph(body, parameters))
    }
}

private struct PreparedLoop: PreparedOperator {
    let loop: Loop
    let body: PreparedGraph

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let limit = inputs[optional: 0]?.tensor.ints.first ?? .max
        var goesOn = try inputs[optional: 1].map { try condition($0.tensor) } ?? true
        let given = inputs.dropFirst(2).present
        var values = Array(given.prefix(loop.carried))
        let captured = given.dropFirst(loop.carried)
        var rounds: [[Tensor]] = []
        defer { RunMeter.release(rounds.joined()) }
        try RoundMeter.withMeter(for: given) { meter in
            while goesOn && rounds.count < limit {
                try meter.count(after: rounds.count)
                let counters = [Signal(Tensor(scalar: Int64(rounds.count))), Signal(Tensor(scalar: goesOn))]
                let outputs = try body.run(Slots(counters + values + captured), &state)
                goesOn = try condition(outputs[0].tensor)
                values = Array(outputs[1...].prefix(loop.carried))
                rounds.append(outputs.dropFirst(1 + loop.carried).map(\.tensor))
                try RunMeter.hold(outputs.dropFirst(1 + loop.carried).lazy.map(\.tensor))
            }
        }
        let stacked = try loop.body.outputs.indices.dropFirst(1 + loop.carried).map { position in
            try stack(
                rounds.map { $0[position - 1 - loop.carried] }, like: loop.body.type(of: loop.body.outputs[position]),
                axis: 0)
        }
        return values + stacked.map { Signal($0) }
    }
}

/// Runs a graph once for each element along an axis of some inputs (ONNX `Scan`).
///
/// Inputs: the initial states, the sequences, what the graph reads besides. The graph takes the states, one element of
/// each sequence and the rest; it gives the states and what each round leaves to be stacked.
package struct Scan: Operator {
    package static let kind = "Scan"

    /// One sequence: along which axis, and whether from the last element to the first.
    package struct Direction: Sendable, Hashable {
        package var axis: Int
        package var isReversed: Bool

        package init(axis: Int = 0, isReversed: Bool = false) {
            self.axis = axis
            self.isReversed = isReversed
        }
    }

    package let body: Graph
    /// How the sequences that go in are read.
    package let inputs: [Direction]
    /// How the sequences that come out are stacked.
    package let outputs: [Direction]

    package init(_ body: Graph, inputs: [Direction], outputs: [Direction]) {
        self.body = body
        self.inputs = inputs
        self.outputs = outputs
    }

    package var arity: ClosedRange<Int> { body.inputs.count...body.inputs.count }
    /// How many values go from one round to the next.
    package var stateCount: Int { body.outputs.count - outputs.count }

    package func outputTypes(for types: Slots<ValueType>) throws -> [ValueType] {
        let length = try inputs.enumerated().map { position, direction in
            let type = types[stateCount + position]
            return type.shape[try checkedAxis(direction.axis, rank: type.rank)]
        }
        return try body.outputs.enumerated().map { position, value in
            var type = body.type(of: value)
            guard position >= stateCount else { return type }
            let axis = try checkedAxis(outputs[position - stateCount].axis, rank: type.rank + 1)
            type.shape.insert(length.first ?? .unknown, at: axis)
            return type
        }
    }

    package func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] { try body.parameterSpecs() }

    /// The graph counts for itself.
    package func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int { 0 }

    package func evaluate(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ state: inout LayerState
    ) throws -> [Signal] {
        try prepare(parameters).run(inputs, &state)
    }

    package func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        PreparedScan(scan: self, body: try PreparedGraph(body, parameters))
    }
}

private struct PreparedScan: PreparedOperator {
    let scan: Scan
    let body: PreparedGraph

    func run(_ inputs: Slots<Signal>, _ state: inout LayerState) throws -> [Signal] {
        let given = inputs.present
        var states = Array(given.prefix(scan.stateCount))
        let sequences = given.dropFirst(scan.stateCount).prefix(scan.inputs.count).map(\.tensor)
        let captured = given.dropFirst(scan.stateCount + scan.inputs.count)
        let axes = try zip(scan.inputs, sequences).map { try checkedAxis($0.axis, rank: $1.rank) }
        let lengths = zip(axes, sequences).map { $1.shape[$0] }
        guard let length = lengths.first, lengths.allSatisfy({ $0 == length }) else {
            throw FerryError(.shape, found: "sequences of lengths \(lengths)", expected: "one length")
        }
        var rounds: [[Tensor]] = []
        defer { RunMeter.release(rounds.joined()) }
        try RoundMeter.withMeter(for: given) { meter in
            for round in 0..<length {
                try meter.count(after: round)
                let elements = sequences.indices.map { i in
                    element(sequences[i], axes[i], scan.inputs[i].isReversed ? length - 1 - round : round)
                }
                let outputs = try body.run(Slots(states + elements + captured), &state)
                states = Array(outputs.prefix(scan.stateCount))
                rounds.append(outputs.dropFirst(scan.stateCount).map(\.tensor))
                try RunMeter.hold(outputs.dropFirst(scan.stateCount).lazy.map(\.tensor))
            }
        }
        return states
            + (try scan.outputs.indices.map { output in
                Signal(try stacked(rounds.map { $0[output] }, output: output))
            })
    }

    private func element(_ sequence: Tensor, _ axis: Int, _ index: Int) -> Signal {
        var shape = sequence.shape
        shape.remove(at: axis)
        return Signal(sequence.sliced(axis: axis, from: index, count: 1).reshaped(shape))
    }

    private func stacked(_ elements: [Tensor], output: Int) throws -> Tensor {
        let direction = scan.outputs[output]
        let type = scan.body.type(of: scan.body.outputs[scan.stateCount + output])
        let axis = try checkedAxis(direction.axis, rank: type.rank + 1)
        return try stack(direction.isReversed ? elements.reversed() : elements, like: type, axis: axis)
    }
}

/// Equal tensors along a new axis; where there are none, an empty one of `type`.
private func stack(_ tensors: [Tensor], like type: ValueType, axis: Int) throws -> Tensor {
    guard let first = tensors.first else {
        var shape = type.shape.map { $0.length ?? 0 }
        shape.insert(0, at: axis)
        return Tensor(zeros: shape, dtype: type.dtype)
    }
    if let other = tensors.first(where: { $0.shape != first.shape || $0.dtype != first.dtype }) {
        throw FerryError(
            .shape, found: "rounds that leave shapes \(first.shape) and \(other.shape)", expected: "one shape")
    }
    return .stacked(tensors, axis: axis)
}

private func condition(_ tensor: Tensor) throws -> Bool {
    guard tensor.dtype == .bool, tensor.count == 1 else {
        throw FerryError(.dtype, found: "a condition \(ValueType(of: tensor))", expected: "one boolean")
    }
    return tensor.elements(Bool.self)[0]
}

/// The type of a value that is of one of two types.
private func common(_ a: ValueType, _ b: ValueType) throws -> ValueType {
    guard a.dtype == b.dtype else {
        throw FerryError(.unsupported, found: "branches that give \(a) and \(b)", expected: "one element type")
    }
    guard a.rank == b.rank else { return a.rank < b.rank ? a : b }
    return a.with(shape: zip(a.shape, b.shape).map { $0 == $1 ? $0 : .unknown })
}
