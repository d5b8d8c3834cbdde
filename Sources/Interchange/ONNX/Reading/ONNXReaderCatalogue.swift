import FerryRuntime

/// Every operator of ONNX that can be read: one type for each group of operators that mean nearly the same.
package enum ONNXReaderCatalogue {
    /// The types, grouped as in `docs/Operators.md`.
    package static let all: [any ONNXReadable.Type] = [
        // Recurrent
        LSTM.self, GRU.self, SimpleRNN.self,
        // Element by element
        Activation.self, PReLU.self, Clip.self, Arithmetic.self, Elementwise.self, Comparison.self, Logic.self,
        Choice.self, Classification.self, Cast.self,
        // Normalization and noise
        BatchNormalization.self, LayerNormalization.self, Dropout.self,
        // Axes and shapes
        Transpose.self, Squeeze.self, Unsqueeze.self, TensorReshape.self, Flatten.self, Expand.self, Tile.self,
        ShapeOf.self, SizeOf.self, Fill.self, NumberRange.self,
        // Parts
        Concatenate.self, Slice.self, Split.self, Pad.self, Gather.self, GatherElements.self, GatherND.self,
        ReverseSequence.self, UpSampling.self,
        // Products and sums
        MatMul.self, Gemm.self, Convolution.self, ConvTranspose.self, Pooling.self, Reduction.self, ArgExtremum.self,
        CumulativeSum.self,
        TopK.self, OneHot.self, NonZero.self, Einsum.self,
        // Control
        Conditional.self, Loop.self, Scan.self,
        // Nothing to compute
        ONNXConstant.self, ONNXIdentity.self,
    ]

    /// Who reads an operator.
    package static let byOperator = Dictionary(
        all.flatMap { type in type.readableOperators.map { ($0, type) } },
        uniquingKeysWith: { a, b in preconditionFailure("\(a) and \(b) read one operator") })
}
