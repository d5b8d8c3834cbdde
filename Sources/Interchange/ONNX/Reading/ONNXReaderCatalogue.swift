import FerryRuntime

/// Every operator of ONNX that can be read: one type for each group of operators that mean nearly the same.
package enum ONNXReaderCatalogue {
    /// The types, grouped as in `docs/Operators.md`.
    package static let all: [any ONNXReadable.Type] = [
        // Recurrent
        LSTM.self, GRU.self, SimpleRNN.self,
        // Element by element
        Activation.self, PReLU.self, Clip.self, Arithmetic.self, Elementwise.self, Comparison.self, Logic.self,
        Choice.self, Classification.self, Cast.self, Bitwise.self, BitCast.self, ONNXSwiGLU.self, ONNXHardmax.self,
        // Normalization and noise
        BatchNormalization.self, LayerNormalization.self, ONNXNormalization.self, Dropout.self,
        // Axes and shapes
        Transpose.self, Squeeze.self, Unsqueeze.self, TensorReshape.self, Flatten.self, Expand.self, Tile.self,
        ShapeOf.self, SizeOf.self, Fill.self, NumberRange.self, Diagonal.self, Triangle.self,
        // Parts
        Concatenate.self, Slice.self, Split.self, Pad.self, Gather.self, GatherElements.self, GatherND.self,
        ReverseSequence.self, Compress.self, Unique.self, NonMaximumSuppression.self, ScatterElements.self,
        ScatterND.self, CacheUpdate.self, ONNXCenterCropPad.self, ONNXBlocks.self, ColumnsToImage.self,
        // Sampling
        UpSampling.self, Resize.self, GridSampling.self, AffineGrid.self, BoxPooling.self, Unpooling.self,
        // Products and sums
        MatMul.self, Gemm.self, Convolution.self, ConvTranspose.self, Pooling.self, Reduction.self, ArgExtremum.self,
        CumulativeSum.self,
        TopK.self, OneHot.self, NonZero.self, Einsum.self, Determinant.self, NegativeLogLikelihood.self,
        // Attention
        HeadAttention.self, LinearAttention.self, ONNXCausalConvolution.self, ONNXRotaryEmbedding.self,
        // Signals
        Fourier.self, ShortTimeFourier.self, SignalWindow.self, MelWeights.self,
        // Quantised
        Quantize.self, Dequantize.self, IntegerMatMul.self, ONNXQuantized.self, QuantizedLSTM.self,
        // Of ONNX Runtime, and of training
        ONNXFused.self, ONNXOptimizer.self,
        // Control
        Conditional.self, Loop.self, Scan.self,
        // Nothing to compute
        ONNXConstant.self, ONNXIdentity.self, ONNXOptional.self,
    ]

    /// Who reads an operator.
    package static let byOperator = Dictionary(
        all.flatMap { type in type.readableOperators.map { ($0, type) } },
        uniquingKeysWith: { a, b in preconditionFailure("\(a) and \(b) read one operator") })
}
