/// Every operator Ferry runs.
public enum OperatorCatalogue {
    /// The operators, grouped as in `docs/Operators.md`.
    public static let all: [any Operator.Type] = [
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
    ]
}
