import FerryEngine
package import FerryRuntime

extension LocalPooling: KerasLayer {
    package static let kerasClasses = [
        "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D",
    ]

    package init(keras config: inout KerasConfig) throws {
        self.init(
            config.className.hasPrefix("Max") ? .maximum : .average,
            try SpatialOptions(kerasPooling: &config, axes: config.axesOfClass))
    }

    package func kerasClass(_ version: KerasVersion) -> String { "\(function.rawValue)Pooling\(options.axes)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { options.kerasPoolingSettings }
}

extension GlobalPooling: KerasLayer {
    package static let kerasClasses = [
        "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling1D",
        "GlobalAveragePooling2D", "GlobalAveragePooling3D",
    ]

    package init(keras config: inout KerasConfig) throws {
        self.init(config.className.hasPrefix("GlobalMax") ? .maximum : .average, axes: config.axesOfClass)
        channelsFirst = try config.channelsFirst()
        keepsAxes = try config.bool("keepdims", default: false)
    }

    package func kerasClass(_ version: KerasVersion) -> String { "Global\(function.rawValue)Pooling\(axes)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("data_format", channelsFirst.kerasDataFormat), ("keepdims", .bool(keepsAxes))]
    }
}
