import FerryEngine
package import FerryRuntime

/// ConvTranspose, between two Transposes where the features come last; then the nodes of the activation.
extension ConvTranspose: ONNXWritable {
    package func emit(
        _ inputs: Slots<ONNXSignal>, _ parameters: ParameterSet, into emitter: inout ONNXEmitter
    ) throws -> [ONNXSignal] {
        // Keras's kernel […, filters, features] is ONNX's [features, filters, …].
        let kernel = emitter.parameter("kernel", try parameters.float32("kernel").asONNXWeights())
        let bias = useBias ? [emitter.parameter("bias", try parameters.float32("bias"))] : []
        let ends = options.size.indices.map(ends)
        let attributes = [
            ONNXAttribute("kernel_shape", .ints(options.size)), ONNXAttribute("strides", .ints(options.strides)),
            ONNXAttribute("dilations", .ints(options.dilation)),
            ONNXAttribute("pads", .ints(ends.map(\.before) + ends.map { max($0.behind, 0) })),
            ONNXAttribute("output_padding", .ints(ends.map { max(-$0.behind, 0) })),
        ]
        let order = ONNXFeatureOrder(rank: inputs[0].type.rank, isFirst: options.channelsFirst)
        let x = emitter.transpose(emitter.float32(inputs[0]), order.toFirst)
        let y = emitter.apply("ConvTranspose", [x, kernel] + bias, outputs: [true], attributes: attributes)[0]
        let shape = try outputTypes(for: inputs.map(\.type))[0].shape
        return try signals(emitter.activate(emitter.transpose(y, order.back), activation, shape), for: inputs)
    }

    /// How many places are cut off before and behind axis `i` of all that the windows reach; a negative number of
    /// places behind is added.
    private func ends(_ i: Int) -> (before: Int, behind: Int) {
        let (stride, isValid) = (options.strides[i], options.padding == .valid)
        let extent = (options.size[i] - 1) * options.dilation[i] + 1
        // What the output is longer than (input − 1) · stride, see `length`.
        let rest =
            outputPadding.map { (isValid ? extent : extent % 2) + $0[i] }
            ?? (isValid ? max(extent, stride) : stride)
        // As of the convolution that this is the gradient of: 'same' halves what its windows need beyond the output.
        let places = (rest + stride - 1) / stride
        let before = isValid ? 0 : max(0, (places - 1) * stride + extent - rest) / 2
        return (before, extent - before - rest)
    }
}

/// ConvTranspose with known weights; where its pads are none of Keras's, a Slice cuts them off afterwards.
extension ConvTranspose: ONNXReadable {
    package static let readableOperators = ["ConvTranspose"]

    package static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        guard let weights = try layerWeights(node) else { return try TransposedConvolution.read(&node) }
        node.attributes.ignore("group", "auto_pad")
        let (axes, ones) = (weights.rank - 2, weights.shape.dropFirst(2).map { _ in 1 })
        var options = SpatialOptions(
            size: Array(weights.shape.dropFirst(2)), strides: try node.attributes.ints("strides") ?? ones,
            dilation: try node.attributes.ints("dilations") ?? ones)
        options.channelsFirst = true
        _ = try node.attributes.ints("kernel_shape")
        let pads = try node.attributes.ints("pads") ?? (ones + ones).map { _ in 0 }
        let added = try node.attributes.ints("output_padding") ?? ones.map { _ in 0 }
        guard [options.strides.count, options.dilation.count, added.count] == [axes, axes, axes],
            pads.count == 2 * axes,
            (options.strides + options.dilation).allSatisfy({ $0 > 0 }), (pads + added).allSatisfy({ $0 >= 0 })
        else {
            throw FerryError.damaged("strides \(options.strides), dilations \(options.dilation), pads \(pads)")
        }
        let ends = (0..<axes).map { (before: pads[$0], behind: pads[$0 + axes] - added[$0]) }

        var layer = ConvTranspose(weights.shape[1], options)
        var parameters = ParameterSet()
        parameters["kernel"] = weights.transposed(Array(2..<weights.rank) + [1, 0])
        layer.useBias = !node.lacks(2)
        if layer.useBias { parameters["bias"] = try node.constant(2, "biases").cast(to: .float32) }
        let rest = layer.adjust(to: ends)
        let x = try node.input(0)
        let suffix = rest == nil ? "" : kind
        let y = try node.append(
            layer, [node.cast(x, to: .float32)], parameters: parameters, suffix: suffix)
        guard let rest else { return y }
        let slice = Slice(
            starts: .known(rest.map(\.before)), ends: .known(rest.map { $0.behind == 0 ? Int(Int32.max) : -$0.behind }),
            axes: .known(Array(2..<(axes + 2))))
        return try node.append(slice, y)
    }

    /// The weights where the layer can do what the node says; else the primitive does.
    private static func layerWeights(_ node: ONNXNodeReader) throws -> Tensor? {
        var attributes = node.attributes
        guard let weights = try node.input(1).tensor, weights.rank >= 3,
            try attributes.int("group") ?? 1 == 1, try attributes.text("auto_pad") ?? "NOTSET" == "NOTSET",
            try attributes.ints("output_shape") == nil, try node.optional(2).map({ $0.tensor != nil }) ?? true
        else { return nil }
        return weights.cast(to: .float32)
    }

    /// Makes the layer cut off `ends`, and gives what it cannot: how much remains to be cut off its output.
    private mutating func adjust(to ends: [(before: Int, behind: Int)]) -> [(before: Int, behind: Int)]? {
        for padding in [SpatialOptions.Padding.valid, .same] {
            options.padding = padding
            if zip(options.size.indices, ends).allSatisfy({ self.ends($0) == $1 }) { return nil }
        }
        options.padding = .valid
        outputPadding = ends.map { max(-$0.behind, 0) }
        let rest = ends.map { (before: $0.before, behind: max($0.behind, 0)) }
        return rest.contains { $0.before > 0 || $0.behind > 0 } ? rest : nil
    }
}

/// ConvTranspose with computed weights, in groups, or with pads that the lengths of its output decide.
extension TransposedConvolution {
    static func read(_ node: inout ONNXNodeReader) throws -> [ONNXOperand?] {
        let weights = node.type(try node.input(1))
        guard let lengths = try node.attributes.ints("kernel_shape") ?? Array(weights.shape.dropFirst(2)).lengths else {
            throw FerryError(.shape, found: "weights \(weights)", expected: "a window of fixed lengths")
        }
        let window = try Window(&node.attributes, lengths: lengths)
        let operation = TransposedConvolution(
            window, groups: try node.attributes.int("group") ?? 1,
            outputPadding: try node.attributes.ints("output_padding") ?? lengths.map { _ in 0 },
            outputLengths: try node.attributes.ints("output_shape"))
        return try node.append(operation, node.inputs())
    }
}
