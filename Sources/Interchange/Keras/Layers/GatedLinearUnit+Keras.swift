import FerryEngine
package import FerryRuntime

extension GatedLinearUnit: KerasLayer {
    /// Keras has it as an activation of other layers only.
    package static let kerasClasses: [String] = []

    package init(keras config: inout KerasConfig) throws { self.init() }

    package func kerasClass(_ version: KerasVersion) -> String {
        (layer as? any KerasLayer)?.kerasClass(version) ?? "Activation"
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        guard let layer = layer as? any KerasLayer else { return [("activation", "glu")] }
        return try layer.kerasSettings(version).map { $0.name == "activation" ? ("activation", "glu") : $0 }
    }

    package func kerasVariables(_ specs: [ParameterSpec]) -> [KerasVariableGroup] {
        (layer as? any KerasLayer)?.kerasVariables(specs) ?? []
    }

    package func kerasWeightCount(_ weights: ArraySlice<KerasWeight>, for specs: [ParameterSpec]) -> Int {
        (layer as? any KerasLayer)?.kerasWeightCount(weights, for: specs) ?? specs.count
    }

    package func modernized(_ weights: [KerasWeight], for specs: [ParameterSpec]) throws -> [KerasWeight] {
        try (layer as? any KerasLayer)?.modernized(weights, for: specs) ?? weights
    }
}

extension KerasConfig {
    /// Removes the activation `glu`, which halves the features; whether it was there.
    mutating func takeGate() -> Bool {
        guard let activation = take("activation") else { return false }
        let isGate = (activation.stringValue ?? activation["config"]?.stringValue) == "glu"
        if !isGate { put(activation, as: "activation") }
        return isGate
    }
}
