import FerryEngine

/// An operator that only moves elements; its gradient moves them back.
protocol MovingOperator: TrainableOperator where Cache == [Int] {
    /// The gradient of the input, of shape `shape`, from that of the output.
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor
}

extension MovingOperator {
    public func forward(
        _ inputs: Slots<Signal>, _ parameters: ParameterSet, _ pass: inout TrainingPass
    ) throws -> (outputs: [Signal], cache: [Int]) {
        (try plain(inputs, parameters), inputs[0].tensor.shape)
    }

    public func backward(_ outputs: [Tensor?], _ cache: [Int], _ parameters: ParameterSet) throws -> Gradients {
        Gradients(inputs: [outputs[0].map { moveBack($0, to: cache) }])
    }
}

extension Flatten: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor {
        guard channelsFirst, shape.count > 2 else { return dy.reshaped(shape) }
        let order = [0] + Array(2..<shape.count) + [1]
        return dy.reshaped(order.map { shape[$0] }).untransposed(order)
    }
}

extension Reshape: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor { dy.reshaped(shape) }
}

extension Permute: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor { dy.untransposed([0] + axes) }
}

extension RepeatVector: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor { dy.summed(to: [shape[0], 1, shape[1]]).reshaped(shape) }
}

extension UpSampling: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor {
        var dx = dy
        for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: shape.count).enumerated() {
            let (before, behind) = (Array(dx.shape[..<axis]), Array(dx.shape[(axis + 1)...]))
            dx = dx.reshaped(before + [shape[axis], factors[i]] + behind).summed(
                to: before + [shape[axis], 1] + behind
            )
            .reshaped(before + [shape[axis]] + behind)
        }
        return dx
    }
}

extension ZeroPadding: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor {
        var dx = dy
        for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: shape.count).enumerated() {
            dx = dx.sliced(axis: axis, from: amounts[i].before, count: shape[axis])
        }
        return dx
    }
}

extension Cropping: MovingOperator {
    func moveBack(_ dy: Tensor, to shape: [Int]) -> Tensor {
        var dx = dy
        for (i, axis) in FeatureAxis(channelsFirst).spatial(rank: shape.count).enumerated() {
            func zeros(_ count: Int) -> Tensor {
                var zeros = dx.shape
                zeros[axis] = count
                return Tensor(zeros: zeros)
            }
            dx = .concatenated([zeros(amounts[i].before), dx, zeros(amounts[i].behind)], axis: axis)
        }
        return dx
    }
}
