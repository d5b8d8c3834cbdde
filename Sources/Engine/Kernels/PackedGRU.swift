internal import CKernels

/// The weights of a GRU, gates z, r, n, laid out for the kernels.
package struct PackedGRU: PackedRecurrence {
    /// What a GRU is beside its weights.
    package struct Options: Sendable {
        /// Of the gates z and r.
        package var recurrentActivation: KernelActivation
        /// Of the candidate.
        package var activation: KernelActivation
        /// The bound on what the activations are given; positive.
        package var clip: Float?
        /// Whether the reset gate acts after the product with the recurrent kernel.
        package var resetAfter: Bool

        /// Options from their parts.
        package init(
            recurrentActivation: KernelActivation, activation: KernelActivation, clip: Float? = nil, resetAfter: Bool
        ) {
            self.recurrentActivation = recurrentActivation
            self.activation = activation
            self.clip = clip
            self.resetAfter = resetAfter
        }
    }

    package let units: Int
    package let projection: PackedProjection
    package var hasCellState: Bool { false }
    package var scratchPerRow: Int { options.resetAfter ? 0 : units }
    private let options: Options
    private let recurrentKernel: AlignedFloats
    private let recurrentBias: AlignedFloats?
    private let kernels: Kernels

    /// Packs kernel [features, 3 · units], recurrent kernel [units, 3 · units], bias and recurrent bias [3 · units];
    /// all float32.
    package init(
        kernel: Tensor, recurrentKernel: Tensor, bias: Tensor?, recurrentBias: Tensor?, _ options: Options,
        kernels: Kernels = .best
    ) {
        units = recurrentKernel.shape[0]
        projection = PackedProjection(
            kernel, bias: bias, stepKernel: kernels.packGRU(kernel, resetAfter: options.resetAfter), kernels: kernels)
        self.recurrentKernel = kernels.packGRU(recurrentKernel, resetAfter: options.resetAfter)
        self.recurrentBias = recurrentBias.map(AlignedFloats.init)
        self.options = options
        self.kernels = kernels
    }

    package func step(_ step: RecurrentStep) {
        let operands = projection.operands(step.input)
        var c = ferry_gru_step()
        c.rows = step.rows
        c.hidden = units
        c.x_projection = operands.sums
        c.x_projection_stride = operands.sumsStride
        c.packed_recurrent = recurrentKernel.base
        c.recurrent_bias = recurrentBias?.base
        c.h_prev = step.previousH
        c.h_prev_stride = step.previousHStride
        c.h = step.h
        c.h_stride = step.hStride
        c.inputs = operands.features
        c.input = operands.x
        c.input_stride = operands.xStride
        c.packed_input = operands.kernel
        c.scratch = step.scratch
        c.recurrent_activation = options.recurrentActivation.c
        c.activation = options.activation.c
        c.clip = options.clip ?? 0
        c.reset_after = options.resetAfter ? 1 : 0
        kernels.table.pointee.gru_step(&c)
    }
}
