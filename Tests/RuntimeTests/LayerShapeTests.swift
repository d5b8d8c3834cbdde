import FerryEngine
import Testing

@testable import FerryRuntime

/// The shape rules of layers that slide windows, join inputs or project them.
@Suite struct LayerShapeTests {
    private static let series: [Dimension] = [.batch, .time, 4]
    private static let fixed: [Dimension] = [.batch, 9, 4]

    private func shape(_ operation: any Operator, _ inputs: [Dimension]...) throws -> [Dimension] {
        try operation.outputTypes(for: Slots(inputs.map { ValueType(.float32, $0) }))[0].shape
    }

    private static func channelsFirst(_ options: SpatialOptions) -> SpatialOptions {
        var options = options
        options.channelsFirst = true
        return options
    }

    @Test(arguments: [
        (SpatialOptions(size: [3]), fixed, [.batch, 7, 5] as [Dimension]),
        (SpatialOptions(size: [3], strides: [2], padding: .same), fixed, [.batch, 5, 5]),
        (SpatialOptions(size: [3], dilation: [2]), fixed, [.batch, 5, 5]),
        (SpatialOptions(size: [3], padding: .causal), fixed, [.batch, 9, 5]),
        (SpatialOptions(size: [3]), series, [.batch, .unknown, 5]),
        (SpatialOptions(size: [3], padding: .same), series, [.batch, .time, 5]),
        (SpatialOptions(size: [3], dilation: [2], padding: .causal), series, [.batch, .time, 5]),
        (SpatialOptions(size: [3], strides: [2], padding: .causal), series, [.batch, .unknown, 5]),
        (channelsFirst(SpatialOptions(size: [3])), [.batch, 4, 9], [.batch, 5, 7]),
        (SpatialOptions(size: [3, 2], strides: [1, 2]), [.batch, 8, 9, 4], [.batch, 6, 4, 5]),
    ])
    func convolution(_ options: SpatialOptions, _ input: [Dimension], _ output: [Dimension]) throws {
        #expect(try shape(Conv(5, options), input) == output)
    }

    @Test(
        arguments: [
            (SpatialOptions(size: [3], strides: [2]), nil, 19), (SpatialOptions(size: [2], strides: [3]), nil, 27),
            (SpatialOptions(size: [3], strides: [2], padding: .same), nil, 18),
            (SpatialOptions(size: [3], strides: [2], padding: .same), 1, 18),
            (SpatialOptions(size: [4], strides: [3]), 2, 30),
        ] as [(SpatialOptions, Int?, Int)])
    func transposedConvolution(_ options: SpatialOptions, _ padding: Int?, _ length: Int) throws {
        var layer = ConvTranspose(5, options)
        layer.outputPadding = padding.map { [$0] }
        #expect(try shape(layer, Self.fixed) == [.batch, .fixed(length), 5])
        #expect(try shape(layer, Self.series) == [.batch, .unknown, 5])
    }

    @Test func pooling() throws {
        let options = SpatialOptions(size: [3], strides: [2], padding: .same)
        #expect(try shape(LocalPooling(.maximum, options), Self.fixed) == [.batch, 5, 4])
        #expect(
            try shape(LocalPooling(.average, SpatialOptions(size: [2], strides: [2])), Self.series) == [
                .batch, .unknown, 4,
            ])
        var global = GlobalPooling(.average)
        #expect(try shape(global, Self.series) == [.batch, 4])
        global.keepsAxes = true
        #expect(try shape(global, Self.series) == [.batch, 1, 4])
        global.channelsFirst = true
        #expect(try shape(global, [.batch, 4, 9]) == [.batch, 4, 1])
    }

    @Test func resizing() throws {
        #expect(try shape(UpSampling([3]), Self.fixed) == [.batch, 27, 4])
        #expect(try shape(UpSampling([3]), Self.series) == [.batch, .unknown, 4])
        #expect(try shape(ZeroPadding([SpatialMargin(2, 1)]), Self.fixed) == [.batch, 12, 4])
        #expect(try shape(Cropping([SpatialMargin(2, 1)]), Self.fixed) == [.batch, 6, 4])
        #expect(throws: FerryError.self) { try shape(Cropping([SpatialMargin(9, 1)]), Self.fixed) }
    }

    @Test(
        arguments: [
            ((1, 1), [.batch, 3, 4], [.batch, 3, 5], [.batch, 4, 5]),
            ((2, -1), [.batch, 3, 4], [.batch, 5, 4], [.batch, 3, 5]),
            ((1, 1), [.batch, 4], [.batch, 4], [.batch, 1]),
            ((1, 2), [.batch, 4], [.batch, 3, 4], [.batch, 3]),
        ] as [((Int, Int), [Dimension], [Dimension], [Dimension])])
    func dot(_ axes: (Int, Int), _ a: [Dimension], _ b: [Dimension], _ output: [Dimension]) throws {
        #expect(try shape(Dot(axes: axes), a, b) == output)
    }

    @Test func convolutionalRecurrence() throws {
        let input: [Dimension] = [.batch, .time, 6, 5, 3]
        var layer = ConvLSTM(4, SpatialOptions(size: [3, 3]))
        #expect(try shape(layer, input) == [.batch, 4, 3, 4])
        layer.options.returnSequences = true
        #expect(try shape(layer, input) == [.batch, .time, 4, 3, 4])
        let specs = try layer.parameterSpecs(for: Slots([ValueType(.float32, input)]))
        #expect(specs.map(\.shape) == [[3, 3, 3, 16], [3, 3, 4, 16], [16]])
    }

    @Test func stackedCells() throws {
        let layer = RNN([LSTM(5), GRU(3)])
        let specs = try layer.parameterSpecs(for: Slots([ValueType(.float32, Self.series)]))
        #expect(specs.map(\.name).filter { $0.hasSuffix("/kernel") } == ["cell_0/kernel", "cell_1/kernel"])
        #expect(specs.map(\.shape).prefix(4) == [[4, 20], [5, 20], [20], [5, 9]])
        #expect(layer.stateSizes == [5, 5, 3])
        #expect(try shape(layer, Self.series) == [.batch, 3])
    }

    @Test(
        arguments: [
            ("abc,cd->abd", [nil, 5], "d", [.batch, .time, 4], [.batch, .time, 5], [[4, 5], [5]]),
            ("...c,cd->...d", [5], "d", [.batch, 3, .time, 4], [.batch, 3, .time, 5], [[4, 5], [5]]),
            ("abc,bcd->ad", [5], nil, [.batch, 3, 4], [.batch, 5], [[3, 4, 5]]),
            ("abc,cde->abde", [nil, 2, 3], "de", [.batch, .time, 4], [.batch, .time, 2, 3], [[4, 2, 3], [2, 3]]),
            ("abc,cde->abde", [nil, 2, 3], "d", [.batch, .time, 4], [.batch, .time, 2, 3], [[4, 2, 3], [2, 1]]),
        ] as [(String, [Int?], String?, [Dimension], [Dimension], [[Int]])])
    func einsumDense(
        _ equation: String, _ outputShape: [Int?], _ bias: String?, _ input: [Dimension], _ output: [Dimension],
        _ parameters: [[Int]]
    ) throws {
        let layer = try EinsumDense(equation, outputShape: outputShape, biasAxes: bias)
        #expect(try shape(layer, input) == output)
        #expect(try layer.parameterSpecs(for: Slots([ValueType(.float32, input)])).map(\.shape) == parameters)
    }

    @Test func attention() throws {
        #expect(try shape(Attention(), [.batch, 5, 4], [.batch, 3, 4]) == [.batch, 5, 4])
        #expect(try shape(Attention(), [.batch, 5, 4], [.batch, 3, 7], [.batch, 3, 4]) == [.batch, 5, 7])
        var heads = MultiHeadAttention(heads: 2, keySize: 3, valueSize: 6)
        heads.returnsWeights = true
        let types = try heads.outputTypes(
            for: Slots([[.batch, .time, 4], [.batch, 9, 5]].map { ValueType(.float32, $0) }))
        #expect(types.map(\.shape) == [[.batch, .time, 4], [.batch, 2, .time, 9]])
        let specs = try heads.parameterSpecs(
            for: Slots([[.batch, .time, 4], [.batch, 9, 5]].map { ValueType(.float32, $0) }))
        #expect(specs.map(\.shape) == [[4, 2, 3], [2, 3], [5, 2, 3], [2, 3], [5, 2, 6], [2, 6], [2, 6, 4], [4]])
    }

    @Test func refusesWhatDoesNotFit() {
        #expect(
            sentence { _ = try shape(Conv(5, size: 3), [.batch, 4]) }
                == "input [batch, 4]; [batch], 1 axes and [features]")
        #expect(
            sentence { _ = try shape(Conv(5, size: 3), [.batch, 2, 4]) } == "length 2; no less than the window [3]")
        #expect(
            sentence { _ = try shape(GroupNormalization(groups: 3), [.batch, 4]) }
                == "4 features; a multiple of 3 groups")
    }
}
