import FerryRuntime

/// Every operator that can be written to ONNX.
package enum ONNXWriterCatalogue {
    /// The operators, grouped as in ``OperatorCatalogue`` and ``PrimitiveCatalogue``.
    package static let all: [any ONNXWritable.Type] = [
        // Recurrent
        LSTM.self, GRU.self, SimpleRNN.self, Bidirectional.self, RNN.self, ConvLSTM.self,
        // Core
        Dense.self, Embedding.self, Activation.self, PReLU.self, Masking.self, Dropout.self,
        TimeDistributed.self, Submodel.self, GatedLinearUnit.self, Softmax.self, EinsumDense.self,
        Attention.self, MultiHeadAttention.self, AttentionWeightedAverage.self, Rescaling.self,
        Highway.self, MaxoutDense.self,
        // Normalization
        BatchNormalization.self, LayerNormalization.self, GroupNormalization.self, UnitNormalization.self,
        RMSNormalization.self, Normalization.self,
        // Shaping
        Flatten.self, Reshape.self, Permute.self, RepeatVector.self,
        // Merging
        Merge.self, Concatenate.self, Dot.self, CosineMerge.self,
        // Over the axes between batch and features
        Conv.self, DepthwiseConv.self, SeparableConv.self, ConvTranspose.self, LocalPooling.self,
        GlobalPooling.self, UpSampling.self, ZeroPadding.self, Cropping.self,
        // Element by element
        Arithmetic.self, Elementwise.self, Clip.self, Cast.self, Comparison.self, Logic.self, Choice.self,
        Classification.self,
        // Axes and shapes
        Transpose.self, Squeeze.self, Unsqueeze.self, Reverse.self, TensorReshape.self, Expand.self, Tile.self,
        ShapeOf.self, SizeOf.self, Fill.self, FillLike.self, NumberRange.self, LengthMask.self,
        // Parts
        Slice.self, Split.self, Pad.self, Gather.self, GatherElements.self, GatherND.self, ReverseSequence.self,
        // Products and sums
        MatMul.self, Gemm.self, Convolution.self, Pooling.self, Reduction.self, ArgExtremum.self,
        CumulativeSum.self, TopK.self, OneHot.self, NonZero.self, Einsum.self,
        // Control
        Conditional.self, Loop.self, Scan.self,
    ]
}
