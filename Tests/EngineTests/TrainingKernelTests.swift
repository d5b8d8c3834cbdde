import FerryEngine
import Testing

/// The kernels of training compute what their definitions say, on every instruction set.
struct TrainingKernelTests {
    /// A product xᵀ·dy of two factors and one dy.
    struct Shape: Sendable, CustomTestStringConvertible {
        let rows: Int
        let columns: Int
        let first: Int
        let second: Int
        let zeroRows: Int
        var testDescription: String { "\(rows)·\(columns), \(first) and \(second), \(zeroRows) zero" }
    }

    static let shapes: [Shape] = [
        Shape(rows: 1, columns: 1, first: 1, second: 1, zeroRows: 0),
        Shape(rows: 9, columns: 20, first: 3, second: 5, zeroRows: 3),
        Shape(rows: 40, columns: 64, first: 6, second: 13, zeroRows: 8),
        Shape(rows: 255, columns: 17, first: 2, second: 150, zeroRows: 255),
        Shape(rows: 600, columns: 48, first: 7, second: 12, zeroRows: 256),
        Shape(rows: 700, columns: 33, first: 8, second: 16, zeroRows: 300),
    ]

    @Test(arguments: shapes)
    func gradientsOfKernelsAreProducts(_ shape: Shape) {
        var random = RandomSource(seed: 3)
        let dy = random.uniform([shape.rows, shape.columns], in: -1..<1)
        let x = random.uniform([shape.rows, shape.first], in: -1..<1)
        var h = random.uniform([shape.rows, shape.second], in: -1..<1)
        h.withUnsafeMutableElements { (h: UnsafeMutableBufferPointer<Float>) in
            for i in 0..<(shape.zeroRows * shape.second) { h[i] = 0 }
        }
        for kernels in Kernels.available {
            let (buffers, targets) = ([x, h, dy].map { FloatBuffer($0) }, [shape.first, shape.second])
            let gradients = targets.map { FloatBuffer(zeros: $0 * shape.columns) }
            let sums = FloatBuffer(uninitialized: shape.columns)
            let pool = FloatPool()
            kernels.weightGradient(
                MatrixView(buffers[2].base, rows: shape.rows, columns: shape.columns),
                GradientFactor(
                    buffers[0].base, columns: shape.first, gradient: gradients[0].base, stride: shape.columns),
                GradientFactor(
                    buffers[1].base, columns: shape.second, zeroRows: shape.zeroRows, gradient: gradients[1].base,
                    stride: shape.columns),
                rowSum: sums.base, pool: pool)
            withExtendedLifetime(buffers) {}
            for (factor, gradient) in zip([x, h], gradients) {
                let expected = product(factor.floats, dy.floats, shape)
                expectClose(gradient.tensor([expected.count]).floats, expected, "\(kernels) \(shape)")
            }
            let ones = [Float](repeating: 1, count: shape.rows)
            expectClose(
                sums.tensor([shape.columns]).floats, product(ones, dy.floats, shape), "\(kernels) \(shape), sums")
        }
    }

    @Test(arguments: [1, 8, 21, 64], [false, true])
    func adamFollowsItsEquation(count: Int, remembersLargest: Bool) {
        var random = RandomSource(seed: 5)
        let start = (0..<5).map { _ in random.uniform([count], in: 0.1..<1).floats }
        let factors = AdamFactors(rest1: 0.1, rest2: 0.001, alpha: 0.01, epsilon: 1e-7)
        for squares in [nil, random.uniform([count], in: 0..<1).floats] {
            for kernels in Kernels.available {
                let buffers = start.map { FloatBuffer(Tensor($0)) }
                let squareBuffer = squares.map { FloatBuffer(Tensor($0)) }
                kernels.updateByAdam(
                    count: count, weights: buffers[0].base, gradient: buffers[1].base,
                    squares: squareBuffer.map { UnsafePointer($0.base) }, m: buffers[2].base, v: buffers[3].base,
                    largestV: remembersLargest ? buffers[4].base : nil, factors)
                let weights = (0..<count).map { i -> Double in
                    let g = Double(start[1][i])
                    let m = Double(start[2][i]) + (g - Double(start[2][i])) * 0.1
                    let v =
                        Double(start[3][i]) + ((squares.map { Double($0[i]) } ?? g * g) - Double(start[3][i])) * 0.001
                    let divisor = remembersLargest ? max(v, Double(start[4][i])) : v
                    return Double(start[0][i]) - 0.01 * m / (divisor.squareRoot() + 1e-7)
                }
                expectClose(buffers[0].tensor([count]).floats, weights, "\(kernels)")
                withExtendedLifetime(squareBuffer) {}
            }
        }
    }

    /// Memory that was given back comes again, and lengths that are close share it.
    @Test func poolsGiveMemoryAgain() {
        let pool = FloatPool()
        var buffer: FloatBuffer? = FloatBuffer(uninitialized: 1000, pool: pool)
        let base = buffer?.base
        buffer = nil
        let again = FloatBuffer(zeros: 990, pool: pool)
        #expect(again.base == base)
        #expect(FloatBuffer(uninitialized: 990, pool: pool).base != base)
    }

    /// xᵀ·dy, row after row.
    private func product(_ x: [Float], _ dy: [Float], _ shape: Shape) -> [Double] {
        let width = x.count / shape.rows
        return (0..<(width * shape.columns)).map { place in
            let (i, j) = (place / shape.columns, place % shape.columns)
            return (0..<shape.rows).reduce(0) { sum, row in
                sum + Double(x[row * width + i]) * Double(dy[row * shape.columns + j])
            }
        }
    }

    private func expectClose(_ found: [Float], _ expected: [Double], _ what: String) {
        let worst = zip(found, expected).map { abs(Double($0) - $1) / max(1, abs($1)) }.max() ?? 0
        #expect(worst < 2e-5, "\(what): \(worst)")
    }
}
