import FerryEngine

/// The weighted mean of numbers that come batch by batch.
struct WeightedMean: Sendable {
    private var sum = 0.0
    private var total = 0.0

    /// Takes in numbers of a batch, each with its weight.
    mutating func add(_ values: [Float], _ weights: [Float]?) {
        guard let weights else {
            sum += values.reduce(0) { $0 + Double($1) }
            total += Double(values.count)
            return
        }
        for (value, weight) in zip(values, weights) where weight != 0 {
            sum += Double(value) * Double(weight)
            total += Double(weight)
        }
    }

    /// The mean so far; 0 where nothing counted.
    var value: Double { total == 0 ? 0 : sum / total }
}

extension Tensor {
    /// These weights, one for each of values of `shape`, or one for each sample, spread to all values.
    ///
    /// - Throws: ``FerryError/Code/shape`` where they are neither.
    func spread(to shape: [Int], _ what: String) throws -> [Float] {
        let floats = floats
        if floats.count == shape.product { return floats }
        // Weights of leading axes hold for all that lies behind them.
        guard count > 0, shape.product % count == 0,
            rank == 1 || self.shape == Array(shape.prefix(rank)), shape.first == self.shape.first
        else {
            throw FerryError(.shape, found: "\(what) of shape \(self.shape)", expected: "\(shape), or one a sample")
        }
        let each = shape.product / count
        return (0..<shape.product).map { floats[$0 / each] }
    }
}
