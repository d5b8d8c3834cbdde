/// Every primitive: operators of ONNX's granularity that no layer of Keras is.
package enum PrimitiveCatalogue {
    /// The primitives, grouped by what they do.
    package static let all: [any Operator.Type] = [
        // Element by element
        Arithmetic.self, Elementwise.self, Clip.self, Cast.self, Comparison.self, Logic.self, Choice.self,
        Classification.self, Bitwise.self, BitCast.self,
        // Axes and shapes
        Transpose.self, Squeeze.self, Unsqueeze.self, Reverse.self, TensorReshape.self, Expand.self, Tile.self,
        ShapeOf.self, SizeOf.self, Fill.self, FillLike.self, NumberRange.self, LengthMask.self, Diagonal.self,
        Triangle.self,
        // Parts
        Slice.self, Split.self, Pad.self, Gather.self, GatherElements.self, GatherND.self, ReverseSequence.self,
        Compress.self, Unique.self, NonMaximumSuppression.self, ScatterElements.self, ScatterND.self, CacheUpdate.self,
        ColumnsToImage.self,
        // Sampling
        Resize.self, GridSampling.self, AffineGrid.self, BoxPooling.self,
        // Products and sums
        MatMul.self, Gemm.self, Convolution.self, Pooling.self, Reduction.self, ArgExtremum.self, CumulativeSum.self,
        TopK.self, OneHot.self, NonZero.self,
        Einsum.self, TransposedConvolution.self, IndexedPooling.self, Unpooling.self, Determinant.self,
        NegativeLogLikelihood.self,
        // Attention
        HeadAttention.self, LinearAttention.self,
        // Signals
        Fourier.self, ShortTimeFourier.self, SignalWindow.self, MelWeights.self,
        // Quantised
        Quantize.self, Dequantize.self, IntegerMatMul.self, QuantizedLSTM.self,
        // Control
        Conditional.self, Loop.self, Scan.self,
    ]
}
