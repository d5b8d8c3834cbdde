public import FerryEngine

extension LocalPooling: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: Tensor) {
        (try plain(inputs, parameters), inputs[0].tensor.cast(to: .float32))
    }

    public func backward(_ outputs: [Tensor?], _ cache: Tensor, _ parameters: ParameterSet) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        let order = FeatureAxis(options.channelsFirst)
        let (x, dy) = (order.first(cache), order.first(output))
        let (input, places) = (Array(x.shape.dropFirst(2)), Array(dy.shape.dropFirst(2)))
        var taps: [(position: Int, source: Int)] = []
        options.window.forEachTap(input, places) { position, _, source in taps.append((position, source)) }
        let planes = x.shape[0] * x.shape[1]
        let dx = dy.withUnsafeElements { (dy: UnsafeBufferPointer<Float>) in
            x.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in
                Tensor(shape: [planes] + input, of: Float.self) { dx in
                    for plane in 0..<planes {
                        let (from, to) = (plane * places.product, plane * input.product)
                        for (position, source, share) in shares(taps, places.product, { x[to + $0] }) {
                            dx[to + source] += share * dy[from + position]
                        }
                    }
                }
            }
        }
        return Gradients(inputs: [order.restored(dx.reshaped(x.shape))])
    }

    /// Which input element gets which share of a position's gradient: the first largest one, or all alike.
    private func shares(
        _ taps: [(position: Int, source: Int)], _ positions: Int, _ value: (Int) -> Float
    ) -> [(position: Int, source: Int, share: Float)] {
        switch function {
        case .maximum:
            var winners = [Int?](repeating: nil, count: positions)
            for (position, source) in taps {
                if let winner = winners[position], value(winner) >= value(source) { continue }
                winners[position] = source
            }
            return winners.enumerated().compactMap { position, source in source.map { (position, $0, 1) } }
        case .average:
            var counts = [Float](repeating: 0, count: positions)
            for tap in taps { counts[tap.position] += 1 }
            return taps.map { ($0.position, $0.source, 1 / counts[$0.position]) }
        }
    }
}

extension GlobalPooling: TrainableOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: Signal) {
        (try plain(inputs, parameters), Signal(inputs[0].tensor.cast(to: .float32), mask: inputs[0].mask))
    }

    public func backward(_ outputs: [Tensor?], _ cache: Signal, _ parameters: ParameterSet) throws -> Gradients {
        guard let output = outputs[0] else { return Gradients(inputs: [nil]) }
        let order = FeatureAxis(channelsFirst)
        let x = order.first(cache.tensor)
        let places = x.shape.dropFirst(2).reduce(1, *)
        let dy: [Float] = (keepsAxes ? order.first(output) : output).elements()
        let counts = function == .average && axes == 1 ? cache.mask?.elements(Bool.self) : nil
        let dx = x.withUnsafeElements { (x: UnsafeBufferPointer<Float>) in
            Tensor(shape: [dy.count, places], of: Float.self) { dx in
                for (line, gradient) in dy.enumerated() {
                    let row = line / cache.tensor.features(channelsFirst) * places
                    let seen = (0..<places).filter { counts?[row + $0] ?? true }
                    share(gradient, among: seen, { x[line * places + $0] }) { dx[line * places + $0] = $1 }
                }
            }
        }
        return Gradients(inputs: [order.restored(dx.reshaped(x.shape))])
    }

    /// All alike; among equal maxima `tf.reduce_max` shares, too.
    private func share(
        _ gradient: Float, among places: [Int], _ value: (Int) -> Float, _ assign: (Int, Float) -> Void
    ) {
        var winners = places
        if function == .maximum, let largest = places.map(value).max() {
            winners = places.filter { value($0) == largest }
        }
        for place in winners { assign(place, gradient / Float(winners.count)) }
    }
}

extension Tensor {
    fileprivate func features(_ channelsFirst: Bool) -> Int { shape[channelsFirst ? 1 : rank - 1] }
}
