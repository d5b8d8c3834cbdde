import FerryEngine
import FerryRuntime

/// The layers that compute a recurrent operator: a layer of one's own and the shapes around it.
///
///     layout 0: X [time, batch, features], Y [time, directions, batch, units], states [directions, batch, units]
///     layout 1: X [batch, time, features], Y [batch, time, directions, units], states [batch, directions, units]
struct ONNXRecurrentCall {
    private let node: ONNXNodeReader
    private let settings: ONNXRecurrentSettings
    private let x: ONNXOperand
    /// int32 [batch]; nil where all sequences are as long as x.
    private let lengths: ONNXOperand?

    init(_ node: ONNXNodeReader, _ settings: ONNXRecurrentSettings) throws {
        self.node = node
        self.settings = settings
        lengths = try node.optional(4)
        let x = try node.cast(node.input(0), to: .float32)
        // Where the file leaves the number of features open, the weights tell it.
        let isOpen = node.type(x).rank == 3 && node.type(x).shape[2].length == nil
        self.x = try settings.features.flatMap { isOpen ? try node.reshaped(x, [0, 0, $0]) : nil } ?? x
    }

    private var count: Int { settings.directions.count }
    private var directionAxis: Int { settings.timeMajor ? 0 : 1 }

    /// Y, Y_h and, of an LSTM, Y_c; what nobody reads is nil.
    ///
    /// `parameters` has those of each layer, or none where the weights are computed.
    func append<Layer: ONNXRecurrentReadable>(
        _ layers: [Layer], _ parameters: [ParameterSet]
    ) throws -> [ONNXOperand?] {
        let stateCount = layers[0].stateSizes.count
        let mask = try lengths.map { try node.add(LengthMask(timeMajor: settings.timeMajor), $0, x) }
        let initial = try initialStates(stateCount)
        let results: [ONNXOperand]
        if parameters.isEmpty {
            let layer = ONNXComputedRecurrence(layers, units: settings.units, stateCount: initial.count)
            results = try call(layer, initial + settings.weightOperands, mask, ParameterSet())
        } else if layers.count == 1 {
            results = try call(layers[0], initial, mask, parameters[0])
        } else {
            var both = ParameterSet()
            both.merge(parameters[0], scope: "forward")
            both.merge(parameters[1], scope: "backward")
            let layer = Bidirectional(forward: layers[0], backward: layers[1], merge: nil)
            results = try call(layer, initial, mask, both)
        }
        let states = try results.dropFirst(count).map { initial.isEmpty ? $0 : try zeroWhereEmpty($0) }
        let sequence = node.wants(0) ? try self.sequence(Array(results.prefix(count))) : nil
        let finals = try (0..<stateCount).map { state in
            guard node.wants(1 + state) else { return nil as ONNXOperand? }
            return try joined(
                (0..<count).map { states[$0 * stateCount + state] }, axis: directionAxis, output: 1 + state)
        }
        return [sequence] + finals
    }

    private func call(
        _ layer: any Operator, _ initial: [ONNXOperand?], _ mask: ONNXOperand?, _ parameters: ParameterSet
    ) throws -> [ONNXOperand] {
        try node.scope.append(
            node.scope.label(node.node), layer, [x] + initial, mask: mask, parameters: parameters, outputNames: [])
    }

    /// The states of all directions, one after another, [batch, units] each; none where the file gives none.
    private func initialStates(_ count: Int) throws -> [ONNXOperand] {
        let given = try (0..<count).map { try node.optional(5 + $0) }
        guard let any = given.compactMap({ $0 }).first else { return [] }
        let states = try given.map { state in
            if let state {
                try checkWidth(of: state)
                return try node.cast(state, to: .float32)
            }
            var operands: [ONNXOperand?] = []
            let shape = node.integers(try node.add(ShapeOf(), any), &operands)
            return try node.append(Fill(Tensor(scalar: Float(0)), shape: shape), operands, suffix: "Fill")[0]
        }
        return try (0..<self.count).flatMap { direction in
            try states.map { state in
                self.count == 1
                    ? try node.add(Squeeze([directionAxis]), state)
                    : try node.add(Gather(axis: directionAxis), state, node.literal(Tensor(scalar: Int64(direction))))
            }
        }
    }

    /// The dynamo exporter writes an LSTM with a projection as one of `proj_size` units, whose weights are those of the
    /// first gates only; the initial cell state is what tells.
    private func checkWidth(of state: ONNXOperand) throws {
        guard let width = node.type(state).shape.last, !width.isCompatible(with: .fixed(settings.units)) else { return }
        let isPyTorch = node.scope.producer == "pytorch"
        throw FerryError(
            .shape, found: "an initial state of \(width) features and weights of \(settings.units) units",
            expected: "as many features as units",
            remedy: isPyTorch
                ? "PyTorch's exporter cut off the weights of an LSTM with proj_size; "
                    + "convert the module's state dict, with --architecture lstm:in=…,hidden=…,proj=…"
                : "export the model again")
    }

    /// Y: the directions side by side; a layer that runs backwards puts its outputs out in that order.
    private func sequence(_ parts: [ONNXOperand]) throws -> ONNXOperand {
        let turns = count == 1 && settings.directions[0]
        let inOrder = turns ? [try node.add(Reverse(axis: settings.timeMajor ? 0 : 1), parts[0])] : parts
        return try joined(inOrder, axis: settings.timeMajor ? 1 : 2, output: 0)
    }

    private func joined(_ parts: [ONNXOperand], axis: Int, output: Int) throws -> ONNXOperand {
        let aligned = try parts.map { try node.add(Unsqueeze([axis]), $0) }
        let joined =
            count == 1 ? aligned[0] : try node.append(Concatenate(axis: axis), aligned, suffix: "Concatenate")[0]
        return try node.cast(joined, to: node.type(node.input(0)).dtype)
    }

    /// ONNX Runtime gives zeros, not the initial state, for a sequence of length 0.
    private func zeroWhereEmpty(_ state: ONNXOperand) throws -> ONNXOperand {
        guard let lengths else { return state }
        let zero = node.literal(Tensor(scalar: Int64(0)).cast(to: node.type(lengths).dtype))
        let isFull = try node.add(Unsqueeze([1]), node.add(Comparison(.greater), lengths, zero))
        return try node.add(Choice(), isFull, state, node.literal(Tensor(scalar: Float(0))))
    }
}
