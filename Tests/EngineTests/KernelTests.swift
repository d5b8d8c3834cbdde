import FerryEngine
import FerryRuntime
import Testing

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Every function that the kernels know, some with more than one set of parameters.
private let vectorFunctions: [ActivationFunction] = [
    .linear, .affine(scale: -1.5, offset: 0.25), .relu, .relu6, .relu(slope: 0.3),
    .relu(maximum: 2, slope: 0.1, threshold: 0.7), .thresholdedReLU(threshold: 0.6), .tanh,
    .scaledTanh(scale: 1.7159, inner: 0.6667), .sigmoid, .hardSigmoidKeras2, .hardSigmoidKeras3, .logSigmoid,
    .elu(alpha: 1), .elu(alpha: 0.4), .selu, .celu(alpha: 1.3), .gelu(approximate: false), .gelu(approximate: true),
    .silu, .hardSilu, .mish, .softplus, .softsign, .exponential, .tanhShrink, .hardTanh, .hardShrink(lambda: 0.5),
    .softShrink(lambda: 0.5), .threshold(0.3, value: -7), .squareplus(b: 4), .sparsePlus, .sparseSigmoid,
]

@Suite struct ActivationKernelTests {
    /// Steps that hit no threshold exactly, every magnitude, and lengths that leave a rest.
    private let values: [Float] = {
        let steps: [Float] = (-4001...4000).map { Float($0) / 211 + 0.001 }
        let magnitudes: [Float] = (-60...5).map { Float(sign: .plus, exponent: $0, significand: 1.37) }
        return steps + magnitudes + magnitudes.map { -$0 }
    }()

    @Test(arguments: vectorFunctions) func agreesWithTheDefinitions(_ function: ActivationFunction) throws {
        let activation = try #require(KernelActivation(function))
        let exact = applied(activation, .oracle, values)
        let scalar = values.map { function.scalar($0) }
        for kernels in Kernels.available {
            let found = applied(activation, kernels, values)
            for i in values.indices {
                let bound = 2e-6 * max(1, abs(exact[i]))
                #expect(abs(found[i] - exact[i]) <= bound, "\(kernels): \(function) of \(values[i])")
                #expect(abs(found[i] - scalar[i]) <= 2 * bound, "\(kernels): \(function) of \(values[i])")
            }
        }
    }

    @Test(arguments: vectorFunctions) func keepsNaN(_ function: ActivationFunction) throws {
        let activation = try #require(KernelActivation(function))
        for kernels in Kernels.available {
            let found = applied(activation, kernels, [Float](repeating: .nan, count: 21))
            #expect(found.allSatisfy { $0.isNaN }, "\(kernels)")
        }
    }

    @Test(arguments: [ActivationFunction.softmax, .logSoftmax(axis: 1), .sparsemax(axis: 0)])
    func lacksTheFunctionsOfLines(_ function: ActivationFunction) { #expect(KernelActivation(function) == nil) }

    @Test func leavesUnusualBoundsToTheDefinition() {
        #expect(KernelActivation(.relu(maximum: 6, threshold: -1)) == nil)
        #expect(KernelActivation(.relu(maximum: 0.5, threshold: 1)) == nil)
    }

    @Test func appliesToWholeTensorsOfAnyLength() throws {
        for count in 0...70 {
            let x = Tensor((0..<count).map { Float($0) / 7 - 4 }, shape: [count])
            let expected = x.map { (value: Float) in ActivationFunction.tanh.scalar(value) }
            #expect(Difference(try ActivationFunction.tanh(x), expected).isWithin(.relative(1e-6)))
        }
    }

    /// The bounds that `ferry_activation.h` states.
    @Test(
        arguments: [
            (.tanh, 2.43, 2), (.sigmoid, 2.41, 2), (.exponential, 1.07, 1),
        ] as [(ActivationFunction, Double, Int)]) func keepsItsStatedBound(
            _ function: ActivationFunction, ulps: Double, floats: Int
        ) throws
    {
        let activation = try #require(KernelActivation(function))
        let samples = stride(from: UInt32(0), to: .max - 4099, by: 4099).map(Float.init(bitPattern:))
            .filter { !$0.isNaN }
        let exact = samples.map { exactly(function, Double($0)) }
        for kernels in Kernels.available {
            let found = applied(activation, kernels, samples)
            var worst = (ulps: 0.0, floats: 0)
            for i in samples.indices {
                let rounded = Float(exact[i])
                worst.floats = max(worst.floats, abs(order(found[i]) - order(rounded)))
                guard rounded.isFinite else { continue }
                worst.ulps = max(worst.ulps, abs(Double(found[i]) - exact[i]) / Double(rounded.ulp))
            }
            #expect(worst.floats <= floats, "\(kernels)")
            #expect(worst.ulps <= ulps, "\(kernels)")
        }
    }

    private func applied(_ activation: KernelActivation, _ kernels: Kernels, _ values: [Float]) -> [Float] {
        var line = values
        line.withUnsafeMutableBufferPointer { kernels.apply(activation, to: $0) }
        return line
    }

    private func exactly(_ function: ActivationFunction, _ x: Double) -> Double {
        switch function {
        case .tanh: tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        default: exp(x)
        }
    }

    /// The position of a number among all floats.
    private func order(_ x: Float) -> Int {
        x.sign == .plus ? Int(x.bitPattern) : -Int(x.bitPattern & 0x7FFF_FFFF)
    }
}

@Suite struct PackedMatrixTests {
    @Test(arguments: Kernels.available) func agreesWithTheDefinitions(_ kernels: Kernels) {
        var random = RandomSource(seed: 3)
        for columns in 1...40 {
            let inner = columns * 7 % 40 + 1
            let matrix = random.uniform([inner, columns], in: -1..<1)
            let bias = columns % 2 == 0 ? random.uniform([columns], in: -1..<1) : nil
            for rows in 1...9 {
                let a = random.uniform([rows, inner + 3], in: -1..<1)
                let found = product(a, PackedMatrix(matrix, bias: bias, Packing(kernels: kernels)))
                let exact = product(a, PackedMatrix(matrix, bias: bias, Packing(kernels: .oracle)))
                let plain = a.sliced(axis: 1, from: 0, count: inner).matmul(matrix) + (bias ?? Tensor(zeros: [columns]))
                #expect(Difference(found, exact).isWithin(.relative(2e-6)), "\(rows)·\(inner)·\(columns)")
                #expect(Difference(found.sliced(axis: 1, from: 0, count: columns), plain).isWithin(.relative(2e-6)))
                #expect(found.sliced(axis: 1, from: columns, count: 2) == Tensor(zeros: [rows, 2]))
            }
        }
    }

    @Test(arguments: Kernels.available) func rowsDoNotDependOnEachOther(_ kernels: Kernels) {
        var random = RandomSource(seed: 4)
        let packed = PackedMatrix(random.uniform([37, 29], in: -1..<1), Packing(kernels: kernels))
        let a = random.uniform([19, 40], in: -1..<1)
        let together = product(a, packed)
        for row in 0..<19 {
            #expect(product(a.rows([row]), packed) == together.rows([row]))
        }
    }

    /// The product of the first columns of `a`, in rows two numbers longer than it needs.
    private func product(_ a: Tensor, _ packed: PackedMatrix) -> Tensor {
        a.withUnsafeElements { (a0: UnsafeBufferPointer<Float>) in
            Tensor(shape: [a.shape[0], packed.columns + 2], of: Float.self) { c in
                guard let from = a0.baseAddress, let to = c.baseAddress else { return }
                packed.multiply(rows: a.shape[0], from, stride: a.shape[1], into: to, stride: packed.columns + 2)
            }
        }
    }
}
