/// A seeded stream of random numbers (SplitMix64, Steele et al. 2014): the same seed gives the same numbers everywhere.
public struct RandomSource: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A stream that depends only on `seed`.
    public init(seed: UInt64) { state = seed }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A float32 tensor of numbers evenly spread over `range`.
    public mutating func uniform(_ shape: [Int], in range: Range<Float>) -> Tensor {
        Tensor(shape: shape, of: Float.self) { target in
            for i in target.indices { target[i] = Float.random(in: range, using: &self) }
        }
    }

    /// A float32 tensor of normally distributed numbers; beyond two deviations drawn again where `truncated`.
    public mutating func normal(
        _ shape: [Int], mean: Double = 0, deviation: Double = 1, truncated: Bool = false
    ) -> Tensor {
        Tensor(shape: shape, of: Float.self) { target in
            for i in target.indices {
                var sample = gaussian()
                while truncated && abs(sample) > 2 { sample = gaussian() }
                target[i] = Float(mean + deviation * sample)
            }
        }
    }

    /// Marsaglia's polar method, without keeping the second number.
    private mutating func gaussian() -> Double {
        while true {
            let u = Double.random(in: -1..<1, using: &self)
            let v = Double.random(in: -1..<1, using: &self)
            let s = u * u + v * v
            if s > 0 && s < 1 { return u * (-2 * logarithm(s) / s).squareRoot() }
        }
    }
}
