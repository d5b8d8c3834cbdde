import FerryEngine
package import FerryRuntime

extension Flatten: KerasLayer {
    package static let kerasClasses = ["Flatten"]

    package init(keras config: inout KerasConfig) throws {
        self.init()
        channelsFirst = try config.string("data_format", default: "channels_last") == "channels_first"
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("data_format", channelsFirst ? "channels_first" : "channels_last")]
    }
}

extension Reshape: KerasLayer {
    package static let kerasClasses = ["Reshape"]

    package init(keras config: inout KerasConfig) throws { self.init(shape: try config.ints("target_shape")) }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("target_shape", .array(shape.map(JSONValue.int)))]
    }
}

extension Permute: KerasLayer {
    package static let kerasClasses = ["Permute"]

    package init(keras config: inout KerasConfig) throws { self.init(axes: try config.ints("dims")) }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("dims", .array(axes.map(JSONValue.int)))]
    }
}

extension RepeatVector: KerasLayer {
    package static let kerasClasses = ["RepeatVector"]

    package init(keras config: inout KerasConfig) throws { self.init(try config.int("n")) }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [("n", .int(count))] }
}
