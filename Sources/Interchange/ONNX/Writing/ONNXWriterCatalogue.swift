import FerryRuntime

/// Every operator that can be written to ONNX.
package enum ONNXWriterCatalogue {
    /// The operators, grouped as in ``OperatorCatalogue``.
    package static let all: [any ONNXWritable.Type] = [
        // Recurrent
        LSTM.self, GRU.self, SimpleRNN.self, Bidirectional.self,
        // Core
        Dense.self, Embedding.self, Activation.self, PReLU.self, Masking.self, Dropout.self, TimeDistributed.self,
        Submodel.self,
        // Normalization
        BatchNormalization.self, LayerNormalization.self,
        // Shaping
        Flatten.self, Reshape.self, Permute.self, RepeatVector.self,
        // Merging
        Merge.self, Concatenate.self,
    ]
}
