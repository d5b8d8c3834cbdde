import FerryEngine
package import FerryRuntime

extension TimeDistributed: KerasLayer {
    package static let kerasClasses = ["TimeDistributed"]

    package init(keras config: inout KerasConfig) throws {
        let inner = try config.layer("layer")
        self.init(inner.operation)
        layerName = inner.name
        trainsLayer = inner.isTrainable
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("layer", try version.layer(layer, name: layerName, isTrainable: trainsLayer))]
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        guard let layer = layer as? any KerasLayer else { return [] }
        return layer.kerasVariables(specs.inside("layer")).map { $0.nested(path: "layer", scope: "layer") }
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        (layer as? any KerasLayer)?.kerasWeightCount(weights, for: specs.inside("layer")) ?? specs.count
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        try (layer as? any KerasLayer)?.modernized(weights, for: specs.inside("layer")) ?? weights
    }
}
