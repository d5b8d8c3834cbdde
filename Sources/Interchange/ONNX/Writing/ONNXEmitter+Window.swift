import FerryEngine
import FerryRuntime

extension ONNXEmitter {
    /// `x`, [batch, channels, …] of the given shape, padded where an operator cannot do that, and the attributes of an
    /// operator that slides `window` over it.
    ///
    /// - Parameter filler: what the padding consists of.
    mutating func slide(
        _ window: Window, over x: String, _ shape: [Dimension], filler: Float = 0
    ) -> (name: String, attributes: [ONNXAttribute], isPadded: Bool) {
        var attributes = [
            ONNXAttribute("kernel_shape", .ints(window.lengths)), ONNXAttribute("strides", .ints(window.strides)),
        ]
        if window.isDilated { attributes.append(ONNXAttribute("dilations", .ints(window.dilations))) }
        if window.roundsUp { attributes.append(ONNXAttribute("ceil_mode", .int(1))) }
        if let pads = window.explicitPads(Array(shape.dropFirst(2))) {
            return (x, attributes + [ONNXAttribute("pads", .ints(pads))], false)
        }
        // Runtimes refuse `auto_pad` with dilation, and take pads for negative where a stride leaves places out.
        guard window.isDilated || zip(window.extents, window.strides).contains(where: <) else {
            let name = window.automaticPadding == .sameLower ? "SAME_LOWER" : "SAME_UPPER"
            return (x, attributes + [ONNXAttribute("auto_pad", .text(name))], false)
        }
        let pads = computedPads(window, lengths(x, from: 2))
        return (apply("Pad", x, pads, scalar(filler)), attributes, true)
    }

    /// What `window` sees of each channel of `x`, [batch, channels, …] of the given shape, as one number.
    mutating func pool(_ x: String, _ shape: [Dimension], _ function: Pooling.Function, _ window: Window) -> String {
        guard case .average(let countsPadding) = function else {
            let padded = slide(window, over: x, shape, filler: -.infinity)
            return apply("MaxPool", [padded.name], outputs: [true], attributes: padded.attributes)[0]
        }
        let padded = slide(window, over: x, shape)
        func average(_ x: String, _ attributes: [ONNXAttribute]) -> String {
            apply("AveragePool", [x], outputs: [true], attributes: attributes)[0]
        }
        if padded.isPadded && !countsPadding {
            // The share of the places that lie inside is the average of ones.
            let ones = apply(
                "Expand", scalar(1),
                apply("Concat", integers([1, 1]), lengths(x, from: 2), attributes: ["axis": .int(0)]))
            let share = average(slide(window, over: ones, shape).name, padded.attributes)
            return apply("Div", average(padded.name, padded.attributes), share)
        }
        let counting = countsPadding ? [ONNXAttribute("count_include_pad", .int(1))] : []
        return average(padded.name, padded.attributes + counting)
    }

    /// The pads of all axes for free lengths, int64 [axes], see `Window.explicitPads`.
    private mutating func computedPads(_ window: Window, _ input: String) -> String {
        let strides = integers(window.strides)
        let places = apply("Div", apply("Add", input, integers(window.strides.map { $0 - 1 })), strides)
        let reach = apply("Add", apply("Mul", apply("Sub", places, integer(1)), strides), integers(window.extents))
        let total = apply("Max", apply("Sub", reach, input), integer(0))
        let small = apply("Div", total, integer(2))
        let large = apply("Sub", total, small)
        let (before, behind) = window.automaticPadding == .sameLower ? (large, small) : (small, large)
        return apply("Concat", integers([0, 0]), before, integers([0, 0]), behind, attributes: ["axis": .int(0)])
    }
}

extension Window {
    fileprivate var extents: [Int] { zip(lengths, dilations).map { ($0 - 1) * $1 + 1 } }
    fileprivate var isDilated: Bool { dilations.contains { $0 != 1 } }

    /// The pads before each axis, then those behind; nil where they depend on a length that is free.
    fileprivate func explicitPads(_ input: [Dimension]) -> [Int]? {
        switch automaticPadding {
        case .none: return pads
        case .valid: return pads.map { _ in 0 }
        case .sameUpper, .sameLower: break
        }
        let totals = lengths.indices.compactMap { axis -> Int? in
            guard strides[axis] > 1 else { return extents[axis] - 1 }
            return input[axis].length.map { length in
                let places = (length + strides[axis] - 1) / strides[axis]
                return max(0, (places - 1) * strides[axis] + extents[axis] - length)
            }
        }
        guard totals.count == lengths.count else { return nil }
        let (small, large) = (totals.map { $0 / 2 }, totals.map { $0 - $0 / 2 })
        return automaticPadding == .sameUpper ? small + large : large + small
    }
}
