internal import CKernels

/// The element-wise parts of an LSTM step in training; pointers and meanings as in `ferry_lstm_training`.
package struct LSTMTrainingStep {
    private var c = ferry_lstm_training()
    private let kernels: Kernels

    /// A step over [rows, units].
    package init(
        rows: Int, units: Int, recurrentActivation: KernelActivation, activation: KernelActivation,
        cellActivation: KernelActivation, kernels: Kernels = .best
    ) {
        self.kernels = kernels
        c.rows = rows
        c.hidden = units
        c.recurrent_activation = recurrentActivation.c
        c.activation = activation.c
        c.cell_activation = cellActivation.c
    }

    /// Finishes gates, c and h from the sums in `gates` and the bias.
    package mutating func forward(
        gates: UnsafeMutablePointer<Float>, bias: UnsafePointer<Float>?, sums: UnsafeMutablePointer<Float>?,
        previousC: UnsafePointer<Float>, c cell: UnsafeMutablePointer<Float>, activatedC: UnsafeMutablePointer<Float>,
        h: UnsafeMutablePointer<Float>
    ) {
        c.gates = gates
        c.bias = bias
        c.sums = sums
        c.c_prev = previousC
        c.c = cell
        c.activated_c = activatedC
        c.h = h
        kernels.table.pointee.lstm_forward(&c)
    }

    /// Overwrites `gates` by the gradients of the sums, and `dc` by that of the cell state before.
    package mutating func backward(
        gates: UnsafeMutablePointer<Float>, sums: UnsafeMutablePointer<Float>?, previousC: UnsafePointer<Float>,
        c cell: UnsafeMutablePointer<Float>, activatedC: UnsafeMutablePointer<Float>, dh: UnsafePointer<Float>,
        dc: UnsafeMutablePointer<Float>
    ) {
        c.gates = gates
        c.sums = sums
        c.c_prev = previousC
        c.c = cell
        c.activated_c = activatedC
        c.dh = dh
        c.dc = dc
        kernels.table.pointee.lstm_backward(&c)
    }
}

/// The element-wise parts of a GRU step in training; pointers and meanings as in `ferry_gru_training`.
package struct GRUTrainingStep {
    private var c = ferry_gru_training()
    private let kernels: Kernels

    /// A step over [rows, units].
    package init(
        rows: Int, units: Int, recurrentActivation: KernelActivation, activation: KernelActivation,
        kernels: Kernels = .best
    ) {
        self.kernels = kernels
        c.rows = rows
        c.hidden = units
        c.recurrent_activation = recurrentActivation.c
        c.activation = activation.c
    }

    /// The memory of one step; what a direction does not use may be nil.
    package mutating func use(
        gates: UnsafeMutablePointer<Float>, recurrent: UnsafeMutablePointer<Float>?,
        sums: UnsafeMutablePointer<Float>?, previousH: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>,
        dh: UnsafeMutablePointer<Float>? = nil, resetH: UnsafeMutablePointer<Float>? = nil
    ) {
        c.gates = gates
        c.recurrent = recurrent
        c.sums = sums
        c.h_prev = previousH
        c.h = h
        c.dh = dh
        c.reset_h = resetH
    }

    /// Reset after: the whole step, once both products are there.
    package mutating func forwardAfter() { kernels.table.pointee.gru_after_forward(&c) }
    /// Reset after: the gradients of both products' sums.
    package mutating func backwardAfter() { kernels.table.pointee.gru_after_backward(&c) }
    /// Reset before: z, r and r∘h.
    package mutating func forwardGates() { kernels.table.pointee.gru_before_gates_forward(&c) }
    /// Reset before: n and the new h.
    package mutating func forwardOutput() { kernels.table.pointee.gru_before_output_forward(&c) }
    /// Reset before: the gradients of the sums of z and n.
    package mutating func backwardOutput() { kernels.table.pointee.gru_before_output_backward(&c) }
    /// Reset before: the gradient of the sum of r.
    package mutating func backwardGates() { kernels.table.pointee.gru_before_gates_backward(&c) }
}
