import FerryEngine
package import FerryRuntime

extension AttentionWeightedAverage: KerasLayer {
    package static let kerasClasses = ["AttentionWeightedAverage"]

    package init(keras config: inout KerasConfig) throws {
        // The published class does not save it; copies of it do.
        self.init(returnsWeights: try config.bool("return_attention", default: false))
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        throw FerryError.notInKeras(version)
    }
}

extension FerryError {
    /// A layer that a version of Keras lacks.
    static func notInKeras(_ version: KerasVersion) -> FerryError {
        FerryError(
            .unsupported, found: "a layer that Keras \(version.major) lacks", expected: "one of keras.layers",
            remedy: "write ONNX instead")
    }
}
