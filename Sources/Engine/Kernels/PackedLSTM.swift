internal import CKernels

/// The weights of an LSTM, gates i, f, g, o, laid out for the kernels.
package struct PackedLSTM: PackedRecurrence {
    /// What an LSTM is beside its weights.
    package struct Options: Sendable {
        /// Of the gates i, f and o.
        package var recurrentActivation: KernelActivation
        /// Of the candidate.
        package var activation: KernelActivation
        /// Of the cell on its way out.
        package var outputActivation: KernelActivation
        /// The bound on what the activations of gates and candidate are given; positive.
        package var clip: Float?
        /// Whether f = 1 − i.
        package var couplesInputAndForget: Bool

        /// Options from their parts.
        package init(
            recurrentActivation: KernelActivation, activation: KernelActivation, outputActivation: KernelActivation,
            clip: Float? = nil, couplesInputAndForget: Bool = false
        ) {
            self.recurrentActivation = recurrentActivation
            self.activation = activation
            self.outputActivation = outputActivation
            self.clip = clip
            self.couplesInputAndForget = couplesInputAndForget
        }
    }

    package let units: Int
    package let projection: PackedProjection
    package var hasCellState: Bool { true }
    package var scratchPerRow: Int { 0 }
    private let options: Options
    private let recurrentKernel: AlignedFloats
    private let peephole: AlignedFloats?
    private let kernels: Kernels

    /// Packs kernel [features, 4 · units], recurrent kernel [units, 4 · units], bias [4 · units] and peepholes
    /// [3 · units] in the order i, f, o; all float32.
    package init(
        kernel: Tensor, recurrentKernel: Tensor, bias: Tensor?, peephole: Tensor?, _ options: Options,
        kernels: Kernels = .best
    ) {
        units = recurrentKernel.shape[0]
        projection = PackedProjection(
            kernel, bias: bias, stepKernel: kernels.packRecurrent(kernel, gates: 4), kernels: kernels)
        self.recurrentKernel = kernels.packRecurrent(recurrentKernel, gates: 4)
        self.peephole = peephole.map(AlignedFloats.init)
        self.options = options
        self.kernels = kernels
    }

    package func step(_ step: RecurrentStep) {
        let operands = projection.operands(step.input)
        var c = ferry_lstm_step()
        c.rows = step.rows
        c.hidden = units
        c.x_projection = operands.sums
        c.x_projection_stride = operands.sumsStride
        c.packed_recurrent = recurrentKernel.base
        c.h_prev = step.previousH
        c.h_prev_stride = step.previousHStride
        c.c_prev = step.previousC
        c.c_prev_stride = units
        c.h = step.h
        c.h_stride = step.hStride
        c.c = step.c
        c.c_stride = units
        c.inputs = operands.features
        c.input = operands.x
        c.input_stride = operands.xStride
        c.packed_input = operands.kernel
        c.peepholes = peephole?.base
        c.recurrent_activation = options.recurrentActivation.c
        c.activation = options.activation.c
        c.cell_activation = options.outputActivation.c
        c.clip = options.clip ?? 0
        c.input_forget = options.couplesInputAndForget ? 1 : 0
        kernels.table.pointee.lstm_step(&c)
    }
}
