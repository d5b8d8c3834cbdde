import FerryEngine
package import FerryRuntime

/// The nodes of each cell's layer, one after another over the whole sequence.
extension RNN: ONNXWritable {
    package func onnxObstacles(_ name: String, opset: Int) -> [String] {
        cells.enumerated().flatMap { $1.obstaclesToONNX("\(name)/\(scope($0))", opset: opset) }
    }

    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        emitter.noteStatefulness(of: self)
        var sequence = inputs[0]
        var given = inputs.dropFirst(1).present[...]
        var states: [ONNXSignal] = []
        for (position, cell) in cells.enumerated() {
            var layer = cell
            layer.options = options(at: position)
            let initial = given.prefix(cell.stateSizes.count)
            given = given.dropFirst(initial.count)
            let results = try emitter.scoped(scope(position)) { emitter in
                try layer.asONNXWritable().emit(
                    Slots([sequence] + initial), parameters.scoped(to: scope(position)), into: &emitter)
            }
            sequence = results[0]
            states += results.dropFirst()
            if let mask = sequence.mask, layer.options.goBackwards {
                sequence.mask = ONNXMask(emitter.reverse(mask.name, axis: options.timeMajor ? 0 : 1), rank: mask.rank)
            }
        }
        sequence.mask = options.returnSequences ? inputs[0].mask : nil
        return [sequence] + states
    }

    /// The options of the layer that runs one cell: the lowest turns time around, the highest decides what comes out.
    private func options(at position: Int) -> RecurrentOptions {
        var result = options
        result.isStateful = false
        result.goBackwards = options.goBackwards && position == 0
        if position < cells.count - 1 {
            result.returnSequences = true
            result.zeroOutputForMask = false
        }
        return result
    }
}
