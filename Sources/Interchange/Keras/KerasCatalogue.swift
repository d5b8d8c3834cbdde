import FerryRuntime

/// Every Keras layer Ferry reads and writes.
package enum KerasCatalogue {
    /// The layers; each knows its own class names.
    package static let layers: [any KerasLayer.Type] = [
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

    /// Whether Ferry knows a class.
    package static func knows(_ className: String) -> Bool {
        byClass[className] != nil || KerasRenamed.operators[className] != nil
    }

    /// The layer for a class name.
    package static let byClass: [String: any KerasLayer.Type] = Dictionary(
        layers.flatMap { layer in layer.kerasClasses.map { ($0, layer) } },
        uniquingKeysWith: { a, b in preconditionFailure("\(a) and \(b) claim one Keras class") })
}
