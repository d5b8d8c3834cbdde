import FerryEngine
import FerryRuntime

extension SpatialOptions {
    /// The window of a convolution over `axes` axes.
    init(keras config: inout KerasConfig, axes: Int) throws {
        let rows = [config.take("nb_row"), config.take("nb_col")].compactMap { $0?.intValue }
        let size = rows.count == axes ? rows : try config.lengths("kernel_size", "filter_length", axes: axes)
        guard let size else {
            throw FerryError(.missingKey, found: "no setting 'kernel_size'", expected: "\(axes) integers")
        }
        self.init(
            size: size, strides: try config.lengths("strides", "subsample", "subsample_length", axes: axes) ?? [],
            dilation: try config.lengths("dilation_rate", "atrous_rate", axes: axes) ?? [])
        padding = try config.padding()
        channelsFirst = try config.channelsFirst()
    }

    /// The window of a pooling layer over `axes` axes; its strides are its lengths where nothing is said.
    init(kerasPooling config: inout KerasConfig, axes: Int) throws {
        let size = try config.lengths("pool_size", "pool_length", axes: axes) ?? Array(repeating: 2, count: axes)
        self.init(size: size, strides: try config.lengths("strides", "stride", axes: axes) ?? size)
        padding = try config.padding()
        channelsFirst = try config.channelsFirst()
    }

    /// The settings of a convolution.
    var kerasSettings: KerasSettings {
        [
            ("kernel_size", size.kerasList), ("strides", strides.kerasList), ("padding", .string(padding.rawValue)),
            ("data_format", channelsFirst.kerasDataFormat), ("dilation_rate", dilation.kerasList),
        ]
    }

    /// The settings of a pooling layer.
    var kerasPoolingSettings: KerasSettings {
        [
            ("pool_size", size.kerasList), ("padding", .string(padding.rawValue)), ("strides", strides.kerasList),
            ("data_format", channelsFirst.kerasDataFormat),
        ]
    }
}

extension KerasConfig {
    /// The number of axes that the class says: 2 for `Conv2D` and `Conv2DTranspose`.
    var axesOfClass: Int { className.compactMap(\.wholeNumberValue).first ?? 1 }

    /// Whether features are axis 1 by `data_format`, which Keras 1 calls `dim_ordering`.
    mutating func channelsFirst() throws -> Bool {
        let fallback = context.channelsFirst ? "channels_first" : "channels_last"
        let format = try string("data_format", "dim_ordering", default: fallback)
        switch format {
        case "channels_first", "th": return true
        case "channels_last", "tf", "default": return false
        default: throw unexpected(.string(format), "data_format", "'channels_first' or 'channels_last'")
        }
    }

    fileprivate mutating func padding() throws -> SpatialOptions.Padding {
        let name = try string("padding", "border_mode", default: "valid")
        guard let padding = SpatialOptions.Padding(rawValue: name.lowercased()) else {
            throw unexpected(.string(name), "padding", "'valid', 'same' or 'causal'")
        }
        return padding
    }

    /// A positive number for each of `axes` axes, where a single one counts for all; nil where nothing is said.
    mutating func lengths(_ names: String..., axes: Int) throws -> [Int]? {
        var result: [Int]?
        for name in names {
            guard let value = take(name) else { continue }
            guard let list = value.intList, list.count == axes || list.count == 1, list.allSatisfy({ $0 > 0 }) else {
                throw unexpected(value, name, "\(axes) positive integers")
            }
            result = result ?? (list.count == axes ? list : Array(repeating: list[0], count: axes))
        }
        return result
    }
}

extension [Int] {
    /// The list as JSON.
    var kerasList: JSONValue { .array(map(JSONValue.int)) }
}

extension Bool {
    /// What Keras calls features that come first, or last.
    var kerasDataFormat: JSONValue { self ? "channels_first" : "channels_last" }
}
