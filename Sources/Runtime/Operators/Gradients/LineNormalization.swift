import FerryEngine

/// Each line along the last axis brought to a common size, and the gradient of that.
struct LineNormalization {
    /// What a line is divided by.
    enum Divisor {
        /// √(variance + ε), after the mean is taken away.
        case deviation(epsilon: Float)
        /// √(mean of squares + ε)
        case rootMeanSquare(epsilon: Float)
        /// The length, √(sum of squares), at least √minimum.
        case length(minimum: Float)
    }

    /// The lines brought to size.
    let y: Tensor
    private let factors: [Float]
    private let divisor: Divisor

    /// Brings the lines of x [lines, length] (or more axes) to size.
    init(_ x: Tensor, _ divisor: Divisor) {
        self.divisor = divisor
        var factors: [Float] = []
        y = x.mapLines(axis: x.rank - 1) { line in
            let count = Float(line.count)
            let squares = { (mean: Float) in line.reduce(Float(0)) { $0 + ($1 - mean) * ($1 - mean) } }
            var mean: Float = 0
            let factor: Float
            switch divisor {
            case .deviation(let epsilon):
                mean = line.reduce(0, +) / count
                factor = 1 / (squares(mean) / count + epsilon).squareRoot()
            case .rootMeanSquare(let epsilon): factor = 1 / (squares(0) / count + epsilon).squareRoot()
            case .length(let minimum): factor = 1 / max(squares(0), minimum).squareRoot()
            }
            for i in line.indices { line[i] = (line[i] - mean) * factor }
            factors.append(factor)
        }
        self.factors = factors
    }

    /// dL/dx from dL/dy: factor · (dy − mean(dy) − y·mean(dy∘y)), without what the divisor does not depend on.
    func backward(_ dy: Tensor) -> Tensor {
        let values: [Float] = y.elements()
        var index = 0
        return dy.mapLines(axis: dy.rank - 1) { line in
            let start = index * line.count
            let factor = factors[index]
            index += 1
            let dot = line.indices.reduce(Float(0)) { $0 + line[$1] * values[start + $1] }
            let count = Float(line.count)
            let (mean, share): (Float, Float) =
                switch divisor {
                case .deviation: (line.reduce(0, +) / count, dot / count)
                case .rootMeanSquare: (0, dot / count)
                case .length(let minimum): (0, factor * factor * minimum >= 1 ? 0 : dot)
                }
            for i in line.indices { line[i] = factor * (line[i] - mean - values[start + i] * share) }
        }
    }
}
