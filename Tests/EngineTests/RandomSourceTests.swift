import FerryEngine
import FerryRuntime
import Testing

@Suite struct RandomSourceTests {
    /// The first numbers of the reference implementation.
    @Test func isSplitMix64() {
        var random = RandomSource(seed: 1_234_567)
        let numbers = (0..<3).map { _ in random.next() }
        #expect(numbers == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test func dependsOnTheSeedOnly() {
        func draw(_ seed: UInt64) -> Tensor {
            var random = RandomSource(seed: seed)
            return .concatenated([random.uniform([9], in: -1..<1), random.normal([9])], axis: 0)
        }
        #expect(draw(5) == draw(5))
        #expect(draw(5) != draw(6))
    }

    @Test func spreadsEvenly() {
        var random = RandomSource(seed: 1)
        let x = random.uniform([10_000], in: -2..<3).floats
        #expect(x.allSatisfy { (-2..<3).contains($0) })
        #expect(abs(x.reduce(0, +) / 10_000 - 0.5) < 0.05)
        #expect((x.min() ?? 0) < -1.99 && (x.max() ?? 0) > 2.99)
    }

    @Test(arguments: [(false, 1.0), (true, 0.7737)]) func isNormal(truncated: Bool, variance: Double) {
        var random = RandomSource(seed: 2)
        let drawn = random.normal([20_000], mean: 3, deviation: 2, truncated: truncated)
        let x: [Double] = drawn.cast(to: .float64).elements()
        let mean = x.reduce(0, +) / 20_000
        let spread = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        #expect(abs(mean - 3) < 0.06)
        #expect(abs(spread / 4 - variance) < 0.04)
        #expect(!truncated || x.allSatisfy { abs($0 - 3) <= 4 })
    }
}

@Suite struct InitializerTests {
    private func drawn(_ initializer: Initializer, _ shape: [Int]) -> Tensor {
        var random = RandomSource(seed: 11)
        return initializer(shape, using: &random)
    }

    @Test(arguments: [([30, 50], 80), ([100], 200), ([3, 4, 8], 36), ([2, 3, 4, 8], 72)] as [([Int], Double)])
    func glorotKeepsItsBounds(_ shape: [Int], fans: Double) {
        let limit = Float((6 / fans).squareRoot())
        let x = drawn(.glorotUniform, shape).floats
        #expect(x.allSatisfy { abs($0) <= limit })
        #expect((x.map(abs).max() ?? 0) > 0.9 * limit)
    }

    @Test(arguments: [[7, 7], [12, 5], [5, 12], [3, 4, 6]]) func orthogonalIsOrthonormal(_ shape: [Int]) {
        let columns = shape[shape.count - 1]
        let matrix = drawn(.orthogonal(gain: 1), shape).reshaped([shape.product / columns, columns])
        let (rows, wide) = (matrix.shape[0], matrix.shape[0] < columns)
        let turned = matrix.transposed([1, 0])
        let gram = wide ? matrix.matmul(turned) : turned.matmul(matrix)
        let identity = drawn(.identity(gain: 1), [min(rows, columns), min(rows, columns)])
        #expect(Difference(gram, identity).isWithin(.relative(1e-6)))
        let scaled = drawn(.orthogonal(gain: 3), shape).reshaped(matrix.shape)
        #expect(Difference(scaled, matrix * Tensor(scalar: Float(3))).isWithin(.relative(1e-6)))
    }

    @Test(
        arguments: [
            (.zeros, [0, 0, 0, 0]), (.ones, [1, 1, 1, 1]), (.constant(2.5), [2.5, 2.5, 2.5, 2.5]),
            (.identity(gain: 2), [2, 0, 0, 2]), (.uniform(minimum: 3, maximum: 3), [3, 3, 3, 3]),
        ] as [(Initializer, [Float])]) func fillsWithoutChance(_ initializer: Initializer, _ expected: [Float])
    {
        #expect(drawn(initializer, [2, 2]).floats == expected)
    }

    @Test(
        arguments: [
            (.uniform, .input, 200), (.normal, .output, 100), (.truncatedNormal, .average, 150),
        ] as [(Initializer.Distribution, Initializer.Fan, Double)]) func scalesTheVariance(
            _ distribution: Initializer.Distribution, _ fan: Initializer.Fan, _ count: Double
        )
    {
        let x = drawn(.varianceScaling(scale: 2, fan: fan, distribution: distribution), [200, 100]).floats
        let variance = x.reduce(0) { $0 + Double($1 * $1) } / Double(x.count)
        #expect(abs(variance * count / 2 - 1) < 0.05)
    }
}
