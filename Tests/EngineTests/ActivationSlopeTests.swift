import FerryEngine
import Testing

/// The slopes of the activations on every instruction set are those of the plain definition, which are the slopes of
/// the functions.
struct ActivationSlopeTests {
    static let functions: [ActivationFunction] = [
        .linear, .affine(scale: 0.3, offset: 1), .relu, .relu6, .relu(slope: 0.2),
        .relu(maximum: 2, slope: 0.1, threshold: 0.5), .thresholdedReLU(threshold: 0.7), .tanh,
        .scaledTanh(scale: 1.7, inner: 0.6), .sigmoid, .hardSigmoidKeras2, .hardSigmoidKeras3, .logSigmoid,
        .elu(alpha: 1.3), .selu, .celu(alpha: 0.7), .gelu(approximate: false), .gelu(approximate: true), .silu,
        .hardSilu,
        .mish, .softplus, .softsign, .exponential, .tanhShrink, .hardTanh, .hardShrink(lambda: 0.5),
        .softShrink(lambda: 0.5), .threshold(0.3, value: 0.1), .squareplus(b: 4), .sparsePlus, .sparseSigmoid,
    ]
    /// Away from the places where functions have a kink.
    static let arguments: [Float] = (-40...40).map { Float($0) * 0.1307 + 0.011 }

    @Test(arguments: functions)
    func plainSlopesAreSlopes(_ function: ActivationFunction) throws {
        let form = try #require(KernelActivation(function))
        for x in Self.arguments.map(Double.init) {
            let h = 1e-5
            let expected = (form.plainValue(x + h) - form.plainValue(x - h)) / (2 * h)
            let slope = form.plainSlope(x)
            #expect(abs(slope - expected) < 1e-6 * max(1, abs(expected)), "\(function) at \(x): \(slope), \(expected)")
        }
    }

    @Test(arguments: functions, Kernels.available)
    func kernelsAgree(_ function: ActivationFunction, _ kernels: Kernels) throws {
        let form = try #require(KernelActivation(function))
        let x = Self.arguments
        var y = x
        y.withUnsafeMutableBufferPointer { kernels.apply(form, to: $0) }
        let dy = x.indices.map { Float($0 % 5) - 2 }
        var dx = [Float](repeating: 0, count: x.count)
        x.withUnsafeBufferPointer { x in
            kernels.applyBackward(
                form, x: form.slopeNeedsInput ? x.baseAddress : nil, y: y, dy: dy, into: &dx, count: x.count)
        }
        for i in x.indices {
            let expected = Double(dy[i]) * form.plainSlope(Double(x[i]))
            #expect(abs(Double(dx[i]) - expected) < 2e-6 * max(1, abs(expected)), "\(function) at \(x[i])")
        }
    }
}
