import FerryEngine
import Testing

/// 0, 1, 2 … in the given shape.
private func counting(_ shape: [Int]) -> Tensor { Tensor((0..<shape.product).map(Float.init), shape: shape) }

private func sentence(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing thrown"
}

@Suite struct TensorLayoutTests {
    @Test func transposes() {
        let x = counting([2, 3, 4])
        let y = x.transposed([2, 0, 1])
        #expect(y.shape == [4, 2, 3])
        for i in 0..<2 {
            for j in 0..<3 {
                for k in 0..<4 { #expect(y.floats[k * 6 + i * 3 + j] == x.floats[i * 12 + j * 4 + k]) }
            }
        }
        #expect(y.transposed([1, 2, 0]) == x)
        #expect(Tensor(scalar: Float(3)).transposed([]) == Tensor(scalar: Float(3)))
        #expect(Tensor(zeros: [2, 0]).transposed([1, 0]).shape == [0, 2])
    }

    @Test func reversesAndSlices() {
        let x = counting([2, 3])
        #expect(x.reversed(axis: 0).floats == [3, 4, 5, 0, 1, 2])
        #expect(x.reversed(axis: 1).floats == [2, 1, 0, 5, 4, 3])
        #expect(Tensor(zeros: [2, 0]).reversed(axis: 1).shape == [2, 0])
        #expect(counting([7]).sliced(axis: 0, from: 1, count: 3, step: 2).floats == [1, 3, 5])
        #expect(counting([7]).sliced(axis: 0, from: 6, count: 3, step: -3).floats == [6, 3, 0])
        #expect(x.sliced(axis: 1, from: 3, count: 0).shape == [2, 0])
    }

    @Test(arguments: DType.allCases) func splitsAndConcatenatesBack(_ dtype: DType) {
        let x = counting([4, 3, 5]).cast(to: dtype)
        for (axis, lengths) in [(0, [1, 3]), (1, [2, 0, 1]), (2, [1, 1, 3])] {
            let parts = x.split(axis: axis, lengths: lengths)
            #expect(parts.map { $0.shape[axis] } == lengths)
            #expect(Tensor.concatenated(parts, axis: axis) == x)
        }
    }

    @Test func stacks() {
        let stacked = Tensor.stacked([counting([2]), counting([2])], axis: 1)
        #expect(stacked == Tensor([0, 0, 1, 1] as [Float], shape: [2, 2]))
    }

    @Test func broadcasts() {
        #expect(counting([3, 1]).broadcast(to: [2, 3, 2]).floats == [0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2])
        #expect(Tensor(scalar: Float(7)).broadcast(to: [2, 2]).floats == [7, 7, 7, 7])
        #expect((counting([2, 1]) + counting([3])).floats == [0, 1, 2, 1, 2, 3])
        #expect((counting([2, 0]) * counting([1])).shape == [2, 0])
    }

    @Test(
        arguments: [
            ([2, 3], [3], [2, 3]), ([2, 1], [1, 4], [2, 4]), ([], [5], [5]), ([0, 1], [7], [0, 7]), ([], [], []),
            ([2, 3], [4], nil), ([2], [3, 3], nil),
        ] as [([Int], [Int], [Int]?)]) func findsTheCommonShape(_ a: [Int], _ b: [Int], _ expected: [Int]?)
    {
        #expect(broadcastShape(a, b) == expected)
        #expect(broadcastShape(b, a) == expected)
    }

    @Test func saysWhatDoesNotBroadcast() {
        let text = sentence { _ = try counting([2, 3]).combining(counting([4])) { (a: Float, b: Float) in a + b } }
        #expect(text == "shapes [2, 3] and [4]; shapes that broadcast to each other")
    }

    @Test func picksRows() {
        #expect(counting([3, 2]).rows([2, 0, 2]).floats == [4, 5, 0, 1, 4, 5])
        #expect(counting([3, 2]).rows([]).shape == [0, 2])
    }

    @Test func mapsLines() throws {
        let x = counting([2, 3])
        let y = try ActivationFunction.softmax(axis: 0)(x)
        for column in 0..<3 { #expect(abs(y.floats[column] + y.floats[3 + column] - 1) < 1e-6) }
        let turned = x.mapLines(axis: 1) { line in
            for (i, value) in Array(line).reversed().enumerated() { line[i] = value }
        }
        #expect(turned == x.reversed(axis: 1))
        let text = sentence { _ = try ActivationFunction.softmax(axis: 2)(x) }
        #expect(text == "axis 2 of shape [2, 3]; an axis it has")
    }

    @Test func multipliesMatrices() {
        let product = counting([2, 3]).matmul(counting([3, 2]))
        #expect(product == Tensor([10, 13, 28, 40] as [Float], shape: [2, 2]))
        #expect(Tensor(zeros: [2, 0]).matmul(Tensor(zeros: [0, 3])) == Tensor(zeros: [2, 3]))
    }
}

@Suite struct TensorValueTests {
    @Test func copiesOnWrite() {
        let original = counting([3])
        var copy = original
        copy.withUnsafeMutableElements { (elements: UnsafeMutableBufferPointer<Float>) in elements[0] = 9 }
        #expect(original.floats == [0, 1, 2])
        #expect(copy.floats == [9, 1, 2])
    }

    @Test func comparesBits() {
        #expect(Tensor([Float.nan]) == Tensor([Float.nan]))
        #expect(Tensor([Float(0)]) != Tensor([Float(-0.0)]))
        #expect(Tensor([Float(0)]) != Tensor([Int32(0)]))
        #expect(counting([2, 1]) != counting([1, 2]))
    }

    @Test func refusesBytesThatDoNotFillTheShape() {
        let bytes: [UInt8] = [1, 2, 3]
        func make(_ shape: [Int]) -> String {
            sentence { try bytes.withUnsafeBytes { _ = try Tensor(bytes: $0, shape: shape, dtype: .float32) } }
        }
        #expect(make([2]) == "holds 3 bytes; shape [2] of float32 needs another number")
        #expect(make([-1]) == "holds 3 bytes; shape [-1] of float32 needs another number")
        #expect(make([1 << 62, 1 << 62]).hasPrefix("holds 3 bytes; shape ["))
    }
}

@Suite struct TensorCastTests {
    @Test func integersTruncateAndSaturate() {
        let x = Tensor([-129.0, 1.9, -1.9, 300, .nan, .infinity, -.infinity])
        #expect(x.cast(to: .int8).elements(Int8.self) == [-128, 1, -1, 127, 0, 127, -128])
        #expect(x.cast(to: .uint8).elements(UInt8.self) == [0, 1, 0, 255, 0, 255, 0])
        #expect(Tensor([1e30, -1e30]).cast(to: .int64).elements(Int64.self) == [.max, .min])
        #expect(Tensor([1e30, -1e30]).cast(to: .uint64).elements(UInt64.self) == [.max, 0])
    }

    @Test func integersWrapBetweenThemselves() {
        #expect(Tensor([(Int64(1) << 32) + 5, -1]).cast(to: .int32).elements(Int32.self) == [5, -1])
        #expect(Tensor([Int64(-1)]).cast(to: .uint64).elements(UInt64.self) == [.max])
        #expect(Tensor([UInt64.max]).cast(to: .int64).elements(Int64.self) == [-1])
        #expect(Tensor([Int64.max]).cast(to: .uint64).elements(UInt64.self) == [UInt64(Int64.max)])
    }

    @Test func booleansAreWhatIsNotZero() {
        #expect(Tensor([0.0, -0.0, 0.1, -3, .nan]).cast(to: .bool).elements() == [false, false, true, true, true])
        #expect(Tensor([Int64(0), 256]).cast(to: .bool).elements() == [false, true])
        #expect(Tensor([true, false]).cast(to: .float16).elements() == [1, 0] as [Float16])
    }

    @Test(
        arguments: [
            (65504, 65504), (65519, 65504), (65520, .infinity), (-65520, -.infinity), (0x1p-24, 0x1p-24), (0x1p-25, 0),
            (0x1.8p-25, 0x1p-24), (1 + 0x1p-11, 1), (1 + 0x3p-11, 1 + 0x1p-9), (1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-10),
        ] as [(Double, Double)]) func roundsToFloat16(_ value: Double, _ expected: Double)
    {
        let half: [Float16] = Tensor([value]).cast(to: .float16).elements()
        #expect(half.map { Double($0) } == [expected])
    }

    @Test(
        arguments: [
            (1 + 0x1p-8, 1), (1 + 0x3p-8, 1 + 0x1p-6), (1 + 0x1.1p-8, 1 + 0x1p-7), (-1 - 0x3p-8, -1 - 0x1p-6),
            (Double(Float.greatestFiniteMagnitude), .infinity), (0x1.FEp127, 0x1.FEp127), (.infinity, .infinity),
            (0x1p-133, 0x1p-133), (0x1p-134, 0),
        ] as [(Double, Double)]) func roundsToBFloat16(_ value: Double, _ expected: Double)
    {
        let result = Tensor([value]).cast(to: .bfloat16)
        #expect(result.cast(to: .float64).elements() == [expected])
    }

    @Test(arguments: [DType.float32, .float16, .bfloat16]) func keepsNaN(_ dtype: DType) {
        let back: [Double] = Tensor([Double.nan]).cast(to: dtype).cast(to: .float64).elements()
        #expect(back[0].isNaN)
        let narrow = Tensor([Float(bitPattern: 0x7F80_0001)]).cast(to: dtype).cast(to: .float64)
        #expect(narrow.elements(Double.self)[0].isNaN)
    }

    @Test(
        arguments: [
            (Tensor([2, 1.5] as [Float]), .int32, "holds float32 values such as 1.5; int32 without loss"),
            (Tensor([1, 300] as [Int64]), .int8, "holds int64 values such as 300.0; int8 without loss"),
            (
                Tensor([1, 16_777_217] as [Int64]), .float32,
                "holds int64 values such as 16777217.0; float32 without loss"
            ),
            (Tensor([0.0, 2]), .bool, "holds float64 values such as 2.0; bool without loss"),
        ] as [(Tensor, DType, String)]) func saysWhatWouldBeLost(_ tensor: Tensor, _ dtype: DType, _ text: String)
    {
        #expect(sentence { _ = try tensor.losslesslyCast(to: dtype) } == text)
    }

    @Test func losesNothingWhereItFits() throws {
        #expect(try Tensor([1, 2] as [Int64]).losslesslyCast(to: .float32).floats == [1, 2])
        #expect(try Tensor([1.0, 2]).losslesslyCast(to: .int32).ints == [1, 2])
        #expect(try Tensor([0.1]).losslesslyCast(to: .float32).floats == [0.1])
    }
}
