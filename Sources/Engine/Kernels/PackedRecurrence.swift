internal import CKernels

/// A recurrent cell whose weights are laid out for the kernels.
///
/// Made by `lstm`, `gru` or `simple`.
// The pointers in `step` are into memory that the other properties keep and nobody changes.
package struct PackedRecurrence: @unchecked Sendable {
    /// The parameters of a cell, float32, gates side by side in the order of the equations.
    package struct Weights {
        /// W [features, gates · units]
        package var kernel: Tensor
        /// U [units, gates · units]
        package var recurrentKernel: Tensor
        /// b [gates · units]; nil for zeros.
        package var bias: Tensor?
        /// Of a GRU that resets after the product, [3 · units]; nil for zeros.
        package var recurrentBias: Tensor?
        /// Of an LSTM, [3 · units] in the order i, f, o.
        package var peephole: Tensor?

        /// Weights from their parts.
        package init(
            kernel: Tensor, recurrentKernel: Tensor, bias: Tensor?, recurrentBias: Tensor? = nil,
            peephole: Tensor? = nil
        ) {
            self.kernel = kernel
            self.recurrentKernel = recurrentKernel
            self.bias = bias
            self.recurrentBias = recurrentBias
            self.peephole = peephole
        }
    }

    /// The length of h, and of c where the cell has one.
    package let units: Int
    /// The length of x.
    package let features: Int
    let kernels: Kernels
    let step: ferry_step
    let bias: AlignedFloats
    private let input: PackedWeights
    private let recurrent: PackedWeights
    private let vectors: [AlignedFloats]

    init(
        _ cell: ferry_cell, _ weights: Weights, _ packing: Packing, _ setOptions: (inout ferry_step) -> Void
    ) {
        let (features, units) = (weights.kernel.shape[0], weights.recurrentKernel.shape[0])
        let (kernels, width) = (packing.kernels, weights.kernel.shape[1])
        let columns = kernels.table.pointee.cell_columns(Int32(cell.rawValue), units)
        func pack(_ kernel: Tensor) -> AlignedFloats { kernels.pack(kernel, for: cell, units: units) }
        func packWeights(_ kernel: Tensor) -> PackedWeights {
            PackedWeights(pack(kernel), depth: kernel.shape[0], columns: columns, packing.precision, kernels: kernels)
        }
        input = packWeights(weights.kernel)
        recurrent = packWeights(weights.recurrentKernel)
        bias = pack((weights.bias ?? Tensor(zeros: [width])).reshaped([1, width]))
        let recurrentBias = weights.recurrentBias.map { pack($0.reshaped([1, width])) }
        let peephole = weights.peephole.map { AlignedFloats($0) }
        vectors = [recurrentBias, peephole].compactMap { $0 }

        var step = ferry_step()
        step.cell = Int32(cell.rawValue)
        step.hidden = units
        step.input_weights = input.c
        step.weights = recurrent.c
        step.recurrent_bias = recurrentBias.map { $0.base }
        step.peepholes = peephole.map { $0.base }
        setOptions(&step)
        self.step = step
        self.kernels = kernels
        self.features = features
        self.units = units
    }

    /// Whether the cell has a second state c.
    package var hasCellState: Bool { step.cell == Int32(FERRY_CELL_LSTM.rawValue) }
}

extension Kernels {
    /// A kernel [k, gates · units] in the columns of a cell.
    fileprivate func pack(_ kernel: Tensor, for cell: ferry_cell, units: Int) -> AlignedFloats {
        let (k, width, cell) = (kernel.shape[0], kernel.shape[1], Int32(cell.rawValue))
        return AlignedFloats(count: k * table.pointee.cell_columns(cell, units)) { packed in
            kernel.withUnsafeElements { (source: UnsafeBufferPointer<Float>) in
                if let source = source.baseAddress {
                    table.pointee.cell_pack(cell, units, k, source, width, 1, packed)
                }
            }
        }
    }
}
