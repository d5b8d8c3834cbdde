public import FerryEngine

/// How the first values of a parameter are drawn; the meanings are those of `keras.initializers`.
public enum Initializer: Sendable, Hashable {
    case zeros
    case ones
    case constant(Double)
    case uniform(minimum: Double, maximum: Double)
    case normal(mean: Double, deviation: Double)
    /// Drawn again beyond two deviations.
    case truncatedNormal(mean: Double, deviation: Double)
    /// Variance `scale` / fan (Glorot & Bengio 2010, He et al. 2015).
    case varianceScaling(scale: Double, fan: Fan, distribution: Distribution)
    /// Rows or columns at right angles, times `gain` (Saxe et al. 2013).
    case orthogonal(gain: Double)
    case identity(gain: Double)

    /// Which side of the parameter sets the variance.
    public enum Fan: String, Sendable { case input = "fan_in", output = "fan_out", average = "fan_avg" }
    /// The shape of the distribution.
    public enum Distribution: String, Sendable {
        case uniform, truncatedNormal = "truncated_normal", normal = "untruncated_normal"
    }

    /// Keras's default for kernels.
    public static let glorotUniform = varianceScaling(scale: 1, fan: .average, distribution: .uniform)

    /// A float32 tensor drawn from this distribution.
    public func callAsFunction(_ shape: [Int], using random: inout RandomSource) -> Tensor {
        switch self {
        case .zeros: Tensor(zeros: shape)
        case .ones: filled(shape, 1)
        case .constant(let value): filled(shape, Float(value))
        case .uniform(let minimum, let maximum): evenlySpread(shape, Float(minimum), Float(maximum), &random)
        case .normal(let mean, let deviation): random.normal(shape, mean: mean, deviation: deviation)
        case .truncatedNormal(let mean, let deviation):
            random.normal(shape, mean: mean, deviation: deviation, truncated: true)
        case .varianceScaling(let scale, let fan, let distribution):
            scaled(shape, variance: scale / max(1, fan.of(shape)), distribution, &random)
        case .orthogonal(let gain): orthonormal(shape, gain: Float(gain), &random)
        case .identity(let gain): diagonal(shape, gain: Float(gain))
        }
    }

    private func filled(_ shape: [Int], _ value: Float) -> Tensor {
        Tensor([Float](repeating: value, count: shape.product), shape: shape)
    }

    private func evenlySpread(_ shape: [Int], _ low: Float, _ high: Float, _ random: inout RandomSource) -> Tensor {
        low < high ? random.uniform(shape, in: low..<high) : filled(shape, low)
    }

    private func scaled(
        _ shape: [Int], variance: Double, _ distribution: Distribution, _ random: inout RandomSource
    ) -> Tensor {
        switch distribution {
        case .uniform:
            let limit = Float((3 * variance).squareRoot())
            return evenlySpread(shape, -limit, limit, &random)
        case .normal: return random.normal(shape, deviation: variance.squareRoot())
        case .truncatedNormal:
            // The standard deviation of a unit normal cut off at two.
            let shrinkage = 0.879_625_661_034_239_78
            return random.normal(shape, deviation: variance.squareRoot() / shrinkage, truncated: true)
        }
    }

    private func diagonal(_ shape: [Int], gain: Float) -> Tensor {
        Tensor(shape: shape, of: Float.self) { target in
            guard shape.count == 2 else { return }
            for i in 0..<min(shape[0], shape[1]) { target[i * shape[1] + i] = gain }
        }
    }
}

extension Initializer.Fan {
    /// The number of inputs or outputs that meet in one element (Keras `compute_fans`).
    func of(_ shape: [Int]) -> Double {
        let receptive = shape.dropLast(2).reduce(1, *)
        let input = shape.count < 2 ? shape.first ?? 1 : shape[shape.count - 2] * receptive
        let output = shape.count < 2 ? shape.first ?? 1 : shape[shape.count - 1] * receptive
        switch self {
        case .input: return Double(input)
        case .output: return Double(output)
        case .average: return Double(input + output) / 2
        }
    }
}

/// Normal samples made orthonormal by Gram–Schmidt, in float64 and twice over for accuracy.
private func orthonormal(_ shape: [Int], gain: Float, _ random: inout RandomSource) -> Tensor {
    let columns = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    let (count, length) = (min(rows, columns), max(rows, columns))
    var basis: [[Double]] = []
    while basis.count < count {
        var vector: [Double] = random.normal([length]).cast(to: .float64).elements()
        for _ in 0..<2 {
            for other in basis {
                let projection = zip(vector, other).reduce(0) { $0 + $1.0 * $1.1 }
                for i in vector.indices { vector[i] -= projection * other[i] }
            }
        }
        let norm = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if norm > 1e-6 { basis.append(vector.map { $0 / norm }) }
    }
    return Tensor(shape: shape, of: Float.self) { target in
        for row in 0..<rows {
            for column in 0..<columns {
                let value = rows < columns ? basis[row][column] : basis[column][row]
                target[row * columns + column] = gain * Float(value)
            }
        }
    }
}
