internal import CKernels

/// The weights of a simple recurrent layer laid out for the kernels.
package struct PackedSimpleRNN: PackedRecurrence {
    package let units: Int
    package let projection: PackedProjection
    package var hasCellState: Bool { false }
    package var scratchPerRow: Int { 0 }
    private let activation: KernelActivation
    private let clip: Float?
    private let recurrentKernel: AlignedFloats
    private let kernels: Kernels

    /// Packs kernel [features, units], recurrent kernel [units, units] and bias [units], all float32; `clip`, positive,
    /// bounds what the activation is given.
    package init(
        kernel: Tensor, recurrentKernel: Tensor, bias: Tensor?, activation: KernelActivation, clip: Float? = nil,
        kernels: Kernels = .best
    ) {
        units = recurrentKernel.shape[0]
        projection = PackedProjection(
            kernel, bias: bias, stepKernel: kernels.packRecurrent(kernel, gates: 1), kernels: kernels)
        self.recurrentKernel = kernels.packRecurrent(recurrentKernel, gates: 1)
        self.activation = activation
        self.clip = clip
        self.kernels = kernels
    }

    package func step(_ step: RecurrentStep) {
        let operands = projection.operands(step.input)
        var c = ferry_rnn_step()
        c.rows = step.rows
        c.hidden = units
        c.x_projection = operands.sums
        c.x_projection_stride = operands.sumsStride
        c.packed_recurrent = recurrentKernel.base
        c.h_prev = step.previousH
        c.h_prev_stride = step.previousHStride
        c.h = step.h
        c.h_stride = step.hStride
        c.inputs = operands.features
        c.input = operands.x
        c.input_stride = operands.xStride
        c.packed_input = operands.kernel
        c.activation = activation.c
        c.clip = clip ?? 0
        kernels.table.pointee.rnn_step(&c)
    }
}
