import FerryEngine

/// A window that slides over an axis of length one, which was only added for it, slides over the others.
enum NarrowWindows: Pass {
    static let summary = "drop axes of length one from convolutions and poolings"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let (first, unsqueeze) = draft.producer(of: node.inputs.first ?? nil, Unsqueeze.self),
            let x = draft.nodes[first].inputs[0], let axes = unsqueeze.axes.values, axes.count == 1,
            let axis = resolvedAxis(axes[0], rank: draft.type(of: node.outputs[0]).rank), axis >= 2,
            draft.type(of: x).rank >= 3
        else { return false }
        var inputs: [Graph.ValueID?] = [x] + node.inputs.dropFirst()
        let narrow: any Operator
        switch node.layer.operation {
        case var convolution as Convolution:
            guard let window = narrowed(convolution.window, axis - 2), let weights = draft.constant(node.inputs[1])
            else {
                return false
            }
            convolution.window = window
            var shape = weights.shape
            shape.remove(at: axis)
            inputs[1] = draft.addConstant("\(node.layer.name)/kernel", weights.reshaped(shape))
            narrow = convolution
        case var pooling as Pooling:
            if let window = pooling.window {
                guard let smaller = narrowed(window, axis - 2) else { return false }
                pooling.window = smaller
            }
            narrow = pooling
        default: return false
        }
        let inner = try draft.makeNode(node.layer.name, narrow, inputs)
        let outer = try draft.makeNode(
            "\(node.layer.name)/Unsqueeze", Unsqueeze([axis]), [inner.outputs[0]], outputs: [node.outputs[0]])
        draft.replace([index], with: [inner, outer])
        return true
    }

    private static func narrowed(_ window: Window, _ axis: Int) -> Window? {
        let count = window.lengths.count
        guard window.lengths[axis] == 1, window.strides[axis] == 1, window.pads[axis] == 0,
            window.pads[axis + count] == 0
        else { return nil }
        var narrow = window
        narrow.lengths.remove(at: axis)
        narrow.strides.remove(at: axis)
        narrow.dilations.remove(at: axis)
        narrow.pads.remove(at: axis + count)
        narrow.pads.remove(at: axis)
        return narrow
    }
}

/// Zeros around the input of a convolution are its padding; constants behind it are its bias.
enum LiftConvolutionParts: Pass {
    static let summary = "give convolutions their padding and their biases"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        return try padded(node, index, in: &draft) || biased(node, index, in: &draft)
    }

    private static func padded(_ node: GraphDraft.Node, _ index: Int, in draft: inout GraphDraft) throws -> Bool {
        guard var convolution = node.layer.operation as? Convolution,
            [.none, .valid].contains(convolution.window.automaticPadding),
            let (first, pad) = draft.producer(of: node.inputs[0], Pad.self), pad.mode == .constant,
            let pads = pad.pads.values, let x = draft.nodes[first].inputs[0],
            pad.valueSlot.map({ draft.isZero(draft.nodes[first].inputs[$0]) }) ?? true
        else { return false }
        let rank = draft.type(of: x).rank
        let axes = pad.axes.map(\.values) ?? Array(0..<rank)
        guard let axes = axes.flatMap({ try? $0.map { try checkedAxis($0, rank: rank) } }) else { return false }
        let spatial = rank - 2
        var window = convolution.window
        if window.automaticPadding == .valid { window.pads = window.pads.map { _ in 0 } }
        window.automaticPadding = .none
        for (place, axis) in axes.enumerated() {
            let (before, behind) = (pads[place], pads[place + axes.count])
            guard before >= 0, behind >= 0, axis >= 2 || before == 0 && behind == 0 else { return false }
            if axis >= 2 {
                window.pads[axis - 2] += before
                window.pads[axis - 2 + spatial] += behind
            }
        }
        convolution.window = window
        let new = try draft.makeNode(
            node.layer.name, convolution, [x] + node.inputs.dropFirst(), outputs: [node.outputs[0]])
        draft.replace([index], with: [new])
        return true
    }

    private static func biased(_ node: GraphDraft.Node, _ index: Int, in draft: inout GraphDraft) throws -> Bool {
        guard (node.layer.operation as? Arithmetic)?.function == .add, node.inputs.count == 2 else { return false }
        for (x, constant) in [(node.inputs[0], node.inputs[1]), (node.inputs[1], node.inputs[0])] {
            guard let x, let (first, convolution) = draft.exclusive(x, Convolution.self),
                draft.nodes[first].inputs.count == 2, let bias = draft.constant(constant), bias.dtype == .float32,
                let channels = draft.type(of: x).shape[1].length
            else { continue }
            let rank = draft.type(of: x).rank
            let full = [Int](repeating: 1, count: max(0, rank - bias.rank)) + bias.shape
            guard full.count == rank, full[1] == channels || full[1] == 1, full.product == full[1] else { continue }
            let value = draft.addConstant(
                "\(node.layer.name)/bias", bias.reshaped([bias.count]).broadcast(to: [channels]))
            let new = try draft.makeNode(
                draft.nodes[first].layer.name, convolution, draft.nodes[first].inputs + [value],
                outputs: [node.outputs[0]])
            draft.replace([first, index], with: [new])
            return true
        }
        return false
    }
}

/// A convolution or pooling with constant weights is a layer whose features are the last axis.
enum LiftWindows: Pass {
    static let summary = "recognise convolutions and poolings as layers with the features last"

    static func rewrite(_ index: Int, in draft: inout GraphDraft) throws -> Bool {
        let node = draft.nodes[index]
        guard let x = node.inputs.first ?? nil, draft.type(of: x).dtype == .float32 else { return false }
        let spatial = draft.type(of: x).rank - 2
        guard (1...3).contains(spatial), let lifted = layer(node, draft.type(of: x), draft) else { return false }
        let last = [0] + Array(2..<(spatial + 2)) + [1]
        let first = [0, spatial + 1] + Array(1...spatial)
        var nodes = [try draft.makeNode("\(node.layer.name)/Transpose", Transpose(last), [x])]
        if let margins = lifted.margins {
            nodes.append(try draft.makeNode("\(node.layer.name)/padding", ZeroPadding(margins), [nodes[0].outputs[0]]))
        }
        nodes.append(
            try draft.makeNode(
                node.layer.name, lifted.operation, [nodes[nodes.count - 1].outputs[0]], parameters: lifted.parameters))
        nodes.append(
            try draft.makeNode(
                "\(node.layer.name)/Transpose", Transpose(first), [nodes[nodes.count - 1].outputs[0]],
                outputs: [node.outputs[0]]))
        draft.replace([index], with: nodes)
        return true
    }

    private typealias Layer = (operation: any Operator, parameters: ParameterSet, margins: [SpatialMargin]?)

    private static func layer(_ node: GraphDraft.Node, _ input: ValueType, _ draft: GraphDraft) -> Layer? {
        if let pooling = node.layer.operation as? Pooling, let window = pooling.window {
            guard let (options, margins) = options(window, input), margins == nil, !window.roundsUp else { return nil }
            switch pooling.function {
            case .maximum: return (LocalPooling(.maximum, options), ParameterSet(), nil)
            case .average(let counts):
                guard !counts || options.padding == .valid else { return nil }
                return (LocalPooling(.average, options), ParameterSet(), nil)
            case .norm: return nil
            }
        }
        guard let convolution = node.layer.operation as? Convolution, let weights = draft.constant(node.inputs[1]),
            weights.dtype == .float32, let (options, margins) = options(convolution.window, input)
        else { return nil }
        var conv = Conv(weights.shape[0], options)
        conv.groups = convolution.groups
        conv.useBias = node.inputs.count > 2 && node.inputs[2] != nil
        var parameters = ParameterSet()
        parameters["kernel"] = weights.transposed(Array(2..<weights.rank) + [1, 0])
        if conv.useBias {
            guard let bias = draft.constant(node.inputs[2]), bias.dtype == .float32 else { return nil }
            parameters["bias"] = bias
        }
        return (conv, parameters, margins)
    }

    /// A window in Keras's words, and zeros to be put around the input where it has none for them.
    private static func options(_ window: Window, _ input: ValueType) -> (SpatialOptions, [SpatialMargin]?)? {
        let axes = window.lengths.count
        var options = SpatialOptions(size: window.lengths, strides: window.strides, dilation: window.dilations)
        switch window.automaticPadding {
        case .valid: return (options, nil)
        case .sameUpper:
            options.padding = .same
            return (options, nil)
        case .sameLower: return nil
        case .none: break
        }
        let margins = (0..<axes).map { SpatialMargin(window.pads[$0], window.pads[$0 + axes]) }
        if margins.allSatisfy({ $0 == SpatialMargin(0, 0) }) { return (options, nil) }
        if (0..<axes).allSatisfy({ isSame(window, $0, input.shape[$0 + 2]) }) {
            options.padding = .same
            return (options, nil)
        }
        if axes == 1, margins == [SpatialMargin((window.lengths[0] - 1) * window.dilations[0], 0)] {
            options.padding = .causal
            return (options, nil)
        }
        return (options, axes <= 3 ? margins : nil)
    }

    /// Whether the pads of an axis are those of `same`, for this length or for any.
    private static func isSame(_ window: Window, _ axis: Int, _ length: Dimension) -> Bool {
        let extent = (window.lengths[axis] - 1) * window.dilations[axis] + 1
        var total = extent - 1
        if window.strides[axis] > 1 {
            guard let length = length.length else { return false }
            let output = (length + window.strides[axis] - 1) / window.strides[axis]
            total = max(0, (output - 1) * window.strides[axis] + extent - length)
        }
        return window.pads[axis] == total / 2 && window.pads[axis + window.lengths.count] == total - total / 2
    }
}
