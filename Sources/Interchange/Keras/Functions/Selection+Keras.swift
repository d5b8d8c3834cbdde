import FerryEngine
import FerryRuntime

extension TopK {
    /// The functions that put elements in order.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction("top_k", parameters: ["x", "k"]) { call in
            _ = call.take("sorted", "index_type")
            let count = try call.int("k", default: 1)
            let x = try call.tensor("x", "input")
            let found = try call.results(of: TopK(.known([count]), axis: -1, largest: true), [x])
            return [found[0], try call.cast(found[1], to: .int32)]
        },
        KerasFunction(["sort"]) { call in try call.sorted()[0] },
        KerasFunction(["argsort"]) { call in try call.cast(call.sorted()[1], to: .int32) },
        KerasFunction(["one_hot"], parameters: ["x", "num_classes"]) { call in
            let depth = try call.int("num_classes", "depth")
            let axis = try call.int("axis", default: -1)
            let dtype = try call.dtype() ?? .float32
            let (on, off) = (try call.double("on_value", default: 1), try call.double("off_value", default: 0))
            let values = call.constant(Tensor([off, on]).cast(to: dtype))
            let x = try call.tensor("x", "indices")
            return try call.apply(OneHot(axis: axis, depth: .known([depth])), x, values)
        },
    ]
}

extension KerasFunctionCall {
    /// The elements along an axis in order, and where they were.
    fileprivate mutating func sorted() throws -> [Graph.ValueID] {
        let axis = try int("axis", default: -1)
        let isFalling = try string("direction", default: "ASCENDING") == "DESCENDING"
        let x = try tensor("x", "values")
        guard let length = try type(of: x).shape[checkedAxis(axis, rank: type(of: x).rank)].length else {
            throw FerryError(.unsupported, found: "free axis \(axis) to be sorted", expected: "a fixed axis")
        }
        return try results(of: TopK(.known([length]), axis: axis, largest: isFalling), [x])
    }
}

extension LocalPooling {
    /// The functions that pool as the layers do.
    static let kerasFunctions: [KerasFunction] = [pooling(.maximum, "max_pool"), pooling(.average, "average_pool")]

    private static func pooling(_ function: Function, _ name: String) -> KerasFunction {
        KerasFunction([name], parameters: ["x", "pool_size"]) { call in
            let size = try call.ints("pool_size") ?? [2]
            let strides = try call.ints("strides")
            let padding = try call.string("padding", default: "valid")
            let format = try call.string("data_format", default: "channels_last")
            let x = try call.tensor("x", "inputs")
            let axes = call.type(of: x).rank - 2
            func stretched(_ list: [Int]) -> [Int] { list.count == 1 ? Array(repeating: list[0], count: axes) : list }
            var options = SpatialOptions(size: stretched(size), strides: stretched(strides ?? size))
            options.channelsFirst = format == "channels_first"
            guard let known = SpatialOptions.Padding(rawValue: padding) else {
                throw call.unexpected(.string(padding), "padding", "'valid' or 'same'")
            }
            options.padding = known
            return try call.apply(LocalPooling(function, options), x)
        }
    }
}
