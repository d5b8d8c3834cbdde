/// x·W + b of a recurrent cell, packed twice: for all steps of a sequence at once, and for one step at a time.
package struct PackedProjection: Sendable {
    private let matrix: PackedMatrix
    private let stepKernel: AlignedFloats
    private let bias: AlignedFloats

    /// - Parameters:
    ///   - kernel: W [features, gates · units].
    ///   - bias: b [gates · units]; nil for zeros.
    ///   - stepKernel: W as the step kernel wants it.
    init(_ kernel: Tensor, bias: Tensor?, stepKernel: AlignedFloats, kernels: Kernels) {
        matrix = PackedMatrix(kernel, bias: bias, kernels: kernels)
        self.bias = AlignedFloats(bias ?? Tensor(zeros: [kernel.shape[1]]))
        self.stepKernel = stepKernel
    }

    /// The length of x.
    package var features: Int { matrix.inner }
    /// The length of x·W + b.
    package var width: Int { matrix.columns }

    /// Writes x·W + b [rows, width] for x [rows, features].
    package func project(
        rows: Int, _ x: UnsafePointer<Float>, stride: Int, into target: UnsafeMutablePointer<Float>,
        stride targetStride: Int
    ) {
        matrix.multiply(rows: rows, x, stride: stride, into: target, stride: targetStride)
    }

    /// What a step kernel is told about its input: the sum to start from, and what to multiply and add.
    func operands(_ input: RecurrentStep.Input) -> Operands {
        switch input {
        case .projected(let sums, let stride):
            Operands(sums: sums, sumsStride: stride, features: 0, x: nil, xStride: 0, kernel: nil)
        case .raw(let x, let stride):
            Operands(
                sums: bias.base, sumsStride: 0, features: features, x: x, xStride: stride, kernel: stepKernel.base)
        }
    }

    struct Operands {
        let sums: UnsafePointer<Float>
        let sumsStride: Int
        let features: Int
        let x: UnsafePointer<Float>?
        let xStride: Int
        let kernel: UnsafePointer<Float>?
    }
}
