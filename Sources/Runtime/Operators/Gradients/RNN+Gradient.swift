public import FerryEngine

/// Cells above each other are layers above each other: each sees the whole sequence of the one below.
extension RNN: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: WrapperCache) {
        let states = inputs.dropFirst(1).present
        let carried = pass.state.tensors
        var signal = inputs[0]
        var (outputs, finals, pullbacks): ([Signal], [Signal], [Pullback]) = ([], [], [])
        for position in cells.indices {
            let layer = layer(at: position)
            let range = finals.count..<(finals.count + layer.stateSizes.count)
            let given =
                states.isEmpty && !carried.isEmpty && options.isStateful
                ? carried[range].map { Signal($0) } : states.isEmpty ? [] : Array(states[range])
            let (results, pullback) = try layer.pullback(
                Slots([signal] + given), parameters.scoped(to: scope(position)), &pass)
            pullbacks.append(pullback)
            finals += results.dropFirst()
            outputs = results
            signal = Signal(results[0].tensor, mask: mask(inputs[0].mask))
        }
        if options.isStateful { pass.state.tensors = finals.map(\.tensor) }
        let first = Signal(outputs[0].tensor, mask: options.returnSequences ? inputs[0].mask : nil)
        let cache = WrapperCache(pullbacks: pullbacks, shapes: states.map(\.tensor.shape))
        return ([first] + (options.returnState ? finals : []), cache)
    }

    public func backward(_ outputs: [Tensor?], _ cache: WrapperCache, _ parameters: ParameterSet) throws -> Gradients {
        var dy = outputs[0]
        var end = stateSizes.count
        var gradients = ParameterSet()
        var states: [Tensor?] = []
        for position in cells.indices.reversed() {
            let count = cells[position].stateSizes.count
            let finals = (0..<count).map { i in outputs.count > 1 + end - count + i ? outputs[1 + end - count + i] : nil
            }
            let inner = try cache.pullbacks[position]([dy] + finals)
            gradients.merge(inner.parameters, scope: scope(position))
            states = inner.inputs.dropFirst() + states
            dy = inner.inputs[0]
            end -= count
        }
        return Gradients(inputs: [dy] + states.prefix(cache.shapes.count), parameters: gradients)
    }

    /// The cell at `position` as a layer; only the lowest one turns time around.
    private func layer(at position: Int) -> any RecurrentOperator {
        var layer = cells[position]
        let (dropout, recurrentDropout) = (layer.options.dropout, layer.options.recurrentDropout)
        layer.options = options
        layer.options.dropout = dropout
        layer.options.recurrentDropout = recurrentDropout
        layer.options.isStateful = false
        layer.options.returnState = true
        layer.options.goBackwards = options.goBackwards && position == 0
        layer.options.returnSequences = options.returnSequences || position < cells.count - 1
        return layer
    }

    /// The mask of the input in the order of processing.
    private func mask(_ mask: Tensor?) -> Tensor? {
        options.goBackwards ? mask?.reversed(axis: options.timeMajor ? 0 : 1) : mask
    }
}
