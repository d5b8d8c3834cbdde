import FerryEngine
package import FerryRuntime

extension UpSampling: KerasLayer {
    package static let kerasClasses = ["UpSampling1D", "UpSampling2D", "UpSampling3D"]

    package init(keras config: inout KerasConfig) throws {
        let axes = config.axesOfClass
        self.init(try config.lengths("size", "length", axes: axes) ?? Array(repeating: 2, count: axes))
        channelsFirst = try config.channelsFirst()
        try config.require("interpolation", oneOf: "nearest")
    }

    package func kerasClass(_ version: KerasVersion) -> String { "UpSampling\(factors.count)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        factors.count == 1
            ? [("size", .int(factors[0]))]
            : [("size", factors.kerasList), ("data_format", channelsFirst.kerasDataFormat)]
    }
}

extension ZeroPadding: KerasLayer {
    package static let kerasClasses = ["ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"]

    package init(keras config: inout KerasConfig) throws {
        self.init(try config.margins("padding", axes: config.axesOfClass))
        channelsFirst = try config.channelsFirst()
    }

    package func kerasClass(_ version: KerasVersion) -> String { "ZeroPadding\(amounts.count)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("padding", amounts.kerasMargins)] + version.marginFormat(axes: amounts.count, channelsFirst)
    }
}

extension Cropping: KerasLayer {
    package static let kerasClasses = ["Cropping1D", "Cropping2D", "Cropping3D"]

    package init(keras config: inout KerasConfig) throws {
        self.init(try config.margins("cropping", axes: config.axesOfClass))
        channelsFirst = try config.channelsFirst()
    }

    package func kerasClass(_ version: KerasVersion) -> String { "Cropping\(amounts.count)D" }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings {
        [("cropping", amounts.kerasMargins)]
            + (amounts.count == 1 ? [] : [("data_format", channelsFirst.kerasDataFormat)])
    }
}

extension KerasConfig {
    /// Margins for `axes` axes: one number for all, one for both sides of each, or two for each.
    fileprivate mutating func margins(_ name: String, axes: Int) throws -> [SpatialMargin] {
        guard let value = take(name) else { return Array(repeating: SpatialMargin(1, 1), count: axes) }
        if let all = value.intValue { return Array(repeating: SpatialMargin(all, all), count: axes) }
        let lists = (value.arrayValue ?? []).map { $0.intList ?? [] }
        if axes == 1 && lists.count == 2 && lists.allSatisfy({ $0.count == 1 }) {
            return [SpatialMargin(lists[0][0], lists[1][0])]
        }
        guard lists.count == axes, lists.allSatisfy({ $0.count == 1 || $0.count == 2 }) else {
            throw unexpected(value, name, "\(axes) pairs of integers")
        }
        return lists.map { SpatialMargin($0[0], $0[$0.count - 1]) }
    }
}

extension [SpatialMargin] {
    /// The margins as Keras writes them.
    fileprivate var kerasMargins: JSONValue {
        let pairs = map { [$0.before, $0.behind].kerasList }
        return count == 1 ? pairs[0] : .array(pairs)
    }
}

extension KerasVersion {
    /// The place of the features for a padding layer, which Keras 2 lacks for one axis.
    fileprivate func marginFormat(axes: Int, _ channelsFirst: Bool) -> KerasSettings {
        axes == 1 && !isKeras3 ? [] : [("data_format", channelsFirst.kerasDataFormat)]
    }
}
