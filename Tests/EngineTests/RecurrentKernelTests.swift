import FerryEngine
import FerryRuntime
import Testing

/// A recurrent cell, packed for some kernels and by its plain definition.
private struct CellCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let layer: @Sendable (_ units: Int) -> any RecurrentOperator
    let packed: @Sendable (_ units: Int, ParameterSet, Kernels) -> any PackedRecurrence
}

private func lstm(
    _ name: String, _ change: @escaping @Sendable (inout LSTM) -> Void = { _ in }
) -> CellCase {
    let layer: @Sendable (Int) -> LSTM = { units in
        var layer = LSTM(units)
        change(&layer)
        return layer
    }
    return CellCase(testDescription: name, layer: layer) { units, parameters, kernels in
        let layer = layer(units)
        return PackedLSTM(
            kernel: tensor("kernel", parameters), recurrentKernel: tensor("recurrent_kernel", parameters),
            bias: parameters["bias"], peephole: parameters["peephole"],
            .init(
                recurrentActivation: form(layer.recurrentActivation), activation: form(layer.activation),
                outputActivation: form(layer.outputActivation ?? layer.activation), clip: layer.clip,
                couplesInputAndForget: layer.couplesInputAndForget), kernels: kernels)
    }
}

private func gru(_ name: String, resetAfter: Bool, clip: Float? = nil) -> CellCase {
    let layer: @Sendable (Int) -> GRU = { units in
        var layer = GRU(units, resetAfter: resetAfter)
        layer.clip = clip
        return layer
    }
    return CellCase(testDescription: name, layer: layer) { units, parameters, kernels in
        let rows = resetAfter ? parameters["bias"]?.split(axis: 0, lengths: [1, 1]) : parameters["bias"].map { [$0] }
        let biases = rows?.map { $0.reshaped([3 * units]) }
        return PackedGRU(
            kernel: tensor("kernel", parameters), recurrentKernel: tensor("recurrent_kernel", parameters),
            bias: biases?.first, recurrentBias: resetAfter ? biases?.last : nil,
            .init(
                recurrentActivation: form(.sigmoid), activation: form(.tanh), clip: clip, resetAfter: resetAfter),
            kernels: kernels)
    }
}

private let simple = CellCase(testDescription: "SimpleRNN", layer: { SimpleRNN($0) }) { _, parameters, kernels in
    PackedSimpleRNN(
        kernel: tensor("kernel", parameters), recurrentKernel: tensor("recurrent_kernel", parameters),
        bias: parameters["bias"], activation: form(.tanh), kernels: kernels)
}

private let cells: [CellCase] = [
    lstm("LSTM"), lstm("LSTM without bias") { $0.useBias = false },
    lstm("LSTM with peepholes") { $0.usesPeepholes = true }, lstm("LSTM with clipping") { $0.clip = 0.3 },
    lstm("LSTM with coupled gates") { $0.couplesInputAndForget = true },
    lstm("LSTM with other functions") {
        $0.activation = .softsign
        $0.recurrentActivation = .hardSigmoidKeras2
        $0.outputActivation = .relu
    },
    gru("GRU, reset after", resetAfter: true), gru("GRU, reset before", resetAfter: false),
    gru("GRU, reset after, clipping", resetAfter: true, clip: 0.3),
    gru("GRU, reset before, clipping", resetAfter: false, clip: 0.3), simple,
]

@Suite struct RecurrentKernelTests {
    @Test(arguments: cells) fileprivate func agreesWithTheDefinitions(_ cell: CellCase) throws {
        for units in 1...40 {
            let rows = units % 9 + 1
            let features = units * 11 % 13 + 1
            let sample = try Sample(cell.layer(units), rows: rows, features: features)
            let plain = try sample.plainStates()
            let exact = sample.states(cell.packed(units, sample.parameters, .oracle), inStep: false)
            #expect(agree(exact, plain), "oracle, \(units) units")
            for kernels in Kernels.available {
                let packed = cell.packed(units, sample.parameters, kernels)
                for inStep in [false, true] {
                    let found = sample.states(packed, inStep: inStep)
                    #expect(agree(found, exact), "\(kernels), \(units) units, \(rows) rows, in step: \(inStep)")
                    #expect(agree(found, plain), "\(kernels), \(units) units, \(rows) rows, in step: \(inStep)")
                }
            }
        }
    }

    @Test(arguments: cells) fileprivate func rowsDoNotDependOnEachOther(_ cell: CellCase) throws {
        for kernels in Kernels.available {
            for rows in 1...9 {
                let sample = try Sample(cell.layer(21), rows: rows, features: 5)
                let packed = cell.packed(21, sample.parameters, kernels)
                let together = sample.states(packed, inStep: true)
                for row in 0..<rows {
                    #expect(sample.row(row).states(packed, inStep: true) == together.map { $0.rows([row]) })
                }
            }
        }
    }

    private func agree(_ found: [Tensor], _ expected: [Tensor]) -> Bool {
        found.count == expected.count
            && zip(found, expected).allSatisfy { Difference($0, $1).isWithin(.relative(2e-6)) }
    }
}

/// Parameters, one input and states for one step.
private struct Sample {
    let layer: any RecurrentOperator
    let parameters: ParameterSet
    var x: Tensor
    var states: [Tensor]

    init(_ layer: any RecurrentOperator, rows: Int, features: Int) throws {
        var random = RandomSource(seed: UInt64(rows * 1000 + features))
        var parameters = ParameterSet()
        for spec in try layer.parameterSpecs(for: Slots([ValueType(.float32, [.batch, .time, .fixed(features)])])) {
            parameters[spec.name] = random.uniform(spec.shape, in: -0.5..<0.5)
        }
        self.layer = layer
        self.parameters = parameters
        x = random.uniform([rows, features], in: -1..<1)
        states = layer.stateSizes.map { random.uniform([rows, $0], in: -1..<1) }
    }

    func row(_ row: Int) -> Sample {
        var copy = self
        copy.x = x.rows([row])
        copy.states = states.map { $0.rows([row]) }
        return copy
    }

    func plainStates() throws -> [Tensor] { try layer.cell(parameters).step(x, states).states }

    /// The states after one step; h is written into rows three numbers longer than it needs.
    func states(_ packed: any PackedRecurrence, inStep: Bool) -> [Tensor] {
        let (rows, features, width) = (x.shape[0], x.shape[1], packed.projection.width)
        let hStride = packed.units + 3
        var h = Tensor(zeros: [rows, hStride])
        var c = packed.hasCellState ? states[1] : Tensor(zeros: [rows, packed.units])
        Workspace.withFloats([rows * width, rows * packed.scratchPerRow]) { spaces in
            pointer(x) { x in
                if !inStep {
                    packed.projection.project(rows: rows, x, stride: features, into: spaces[0], stride: width)
                }
                pointer(states[0]) { previousH in
                    mutablePointer(&h) { h in
                        mutablePointer(&c) { c in
                            packed.step(
                                RecurrentStep(
                                    rows: rows,
                                    input: inStep
                                        ? .raw(x, stride: features) : .projected(spaces[0], stride: width),
                                    previousH: previousH, previousHStride: packed.units, h: h, hStride: hStride,
                                    previousC: packed.hasCellState ? UnsafePointer(c) : nil,
                                    c: packed.hasCellState ? c : nil, scratch: spaces[1]))
                        }
                    }
                }
            }
        }
        #expect(h.sliced(axis: 1, from: packed.units, count: 3) == Tensor(zeros: [rows, 3]))
        return [h.sliced(axis: 1, from: 0, count: packed.units)] + (packed.hasCellState ? [c] : [])
    }

    private func pointer(_ tensor: Tensor, _ body: (UnsafePointer<Float>) -> Void) {
        tensor.withUnsafeElements { (elements: UnsafeBufferPointer<Float>) in elements.baseAddress.map(body) ?? () }
    }

    private func mutablePointer(_ tensor: inout Tensor, _ body: (UnsafeMutablePointer<Float>) -> Void) {
        tensor.withUnsafeMutableElements { (elements: UnsafeMutableBufferPointer<Float>) in
            elements.baseAddress.map(body) ?? ()
        }
    }
}

private func form(_ function: ActivationFunction) -> KernelActivation {
    guard let form = KernelActivation(function) else { preconditionFailure("the kernels lack \(function)") }
    return form
}

private func tensor(_ name: String, _ parameters: ParameterSet) -> Tensor {
    guard let tensor = parameters[name] else { preconditionFailure("no \(name)") }
    return tensor
}
