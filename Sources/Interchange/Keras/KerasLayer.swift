package import FerryEngine
package import FerryRuntime

/// An operator that Keras has: its class names, its settings, and where its weights stand in files.
package protocol KerasLayer: Operator {
    /// The classes it reads, of all eras.
    static var kerasClasses: [String] { get }

    /// Reads the settings of its class; those that every layer has are read before.
    init(keras config: inout KerasConfig) throws

    /// The operator that the settings of its class describe, where that may be another one.
    static func kerasOperator(_ config: inout KerasConfig) throws -> any Operator

    /// The class that `version` has for it.
    func kerasClass(_ version: KerasVersion) -> String

    /// Its settings for `version`, without those that every layer has.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where that version cannot express it.
    func kerasSettings(_ version: KerasVersion) throws -> [(name: String, value: JSONValue)]

    /// Where Keras 3's layout keeps its parameters: groups below the layer's own, and the parameters in each.
    func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup]

    /// Turns weights in the layout of an older Keras into today's.
    ///
    /// - Parameters:
    ///   - weights: as listed in the file.
    ///   - specs: what the layer needs, in Keras's order.
    func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight]
}

/// A weight as it stands in a file.
package struct KerasWeight: Sendable {
    /// Its name there.
    package var name: String
    /// Its numbers.
    package var tensor: Tensor

    /// A weight and its name.
    package init(_ name: String, _ tensor: Tensor) {
        self.name = name
        self.tensor = tensor
    }
}

/// A group of numbered variables in Keras 3's layout.
package struct KerasVariableGroup: Sendable {
    /// The path of the group below the layer's, such as `cell`; empty for the layer's own.
    package var path: String
    /// The parameters, by their names in the layer.
    package var parameters: [String]

    /// The parameters kept at `path`.
    package init(_ path: String, _ parameters: [String]) {
        self.path = path
        self.parameters = parameters
    }

    /// The same group seen from a layer that keeps this one at `path` and calls it `scope`.
    package func nested(path outer: String, scope: String) -> KerasVariableGroup {
        KerasVariableGroup(path.isEmpty ? outer : "\(outer)/\(path)", parameters.map { "\(scope)/\($0)" })
    }
}

/// A layer that is told by its calls, and not by its settings alone, what to do.
package protocol KerasCallable: KerasLayer {
    /// Reads the arguments of its call that are no tensors.
    mutating func take(kerasCall options: inout KerasConfig) throws

    /// The arguments of its call that are no tensors.
    func kerasCall() -> KerasSettings
}

extension KerasLayer {
    package static func kerasOperator(_ config: inout KerasConfig) throws -> any Operator { try Self(keras: &config) }

    package func kerasClass(_ version: KerasVersion) -> String { Self.kerasClasses[0] }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        specs.isEmpty ? [] : [KerasVariableGroup("", specs.map(\.name))]
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] { weights }
}

/// Every Keras layer Ferry reads and writes.
package enum KerasCatalogue {
    /// The layers; each knows its own class names.
    package static let layers: [any KerasLayer.Type] = [
        // Recurrent
        LSTM.self, GRU.self, SimpleRNN.self, Bidirectional.self,
        RNN.self, ConvLSTM.self,
        // Core
        Dense.self, Embedding.self, Activation.self, PReLU.self, Masking.self, Dropout.self, TimeDistributed.self,
        Submodel.self,
        GatedLinearUnit.self, Softmax.self, EinsumDense.self, Attention.self, MultiHeadAttention.self, Rescaling.self,
        // Normalization
        BatchNormalization.self, LayerNormalization.self,
        GroupNormalization.self, UnitNormalization.self, RMSNormalization.self, Normalization.self,
        // Shaping
        Flatten.self, Reshape.self, Permute.self, RepeatVector.self,
        // Merging
        Merge.self, Concatenate.self,
        Dot.self,
        // Over the axes between batch and features
        Conv.self, DepthwiseConv.self, SeparableConv.self, ConvTranspose.self, LocalPooling.self, GlobalPooling.self,
        UpSampling.self, ZeroPadding.self, Cropping.self,
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
