import FerryEngine
import FerryRuntime
import Testing

/// A recurrent cell, packed for some kernels and by its plain definition.
private struct CellCase: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let layer: @Sendable (_ units: Int) -> any RecurrentOperator
    let packed: @Sendable (_ units: Int, ParameterSet, Packing) -> PackedRecurrence
}

private func lstm(
    _ name: String, _ change: @escaping @Sendable (inout LSTM) -> Void = { _ in }
) -> CellCase {
    let layer: @Sendable (Int) -> LSTM = { units in
        var layer = LSTM(units)
        change(&layer)
        return layer
    }
    return CellCase(testDescription: name, layer: layer) { units, parameters, packing in
        let layer = layer(units)
        return .lstm(
            .init(
                kernel: tensor("kernel", parameters), recurrentKernel: tensor("recurrent_kernel", parameters),
                bias: parameters["bias"], peephole: parameters["peephole"]),
            .init(
                recurrentActivation: form(layer.recurrentActivation), activation: form(layer.activation),
                outputActivation: form(layer.outputActivation ?? layer.activation), clip: layer.clip,
                couplesInputAndForget: layer.couplesInputAndForget), packing)
    }
}

private func gru(_ name: String, resetAfter: Bool, clip: Float? = nil) -> CellCase {
    let layer: @Sendable (Int) -> GRU = { units in
        var layer = GRU(units, resetAfter: resetAfter)
        layer.clip = clip
        return layer
    }
    return CellCase(testDescription: name, layer: layer) { units, parameters, packing in
        let rows = resetAfter ? parameters["bias"]?.split(axis: 0, lengths: [1, 1]) : parameters["bias"].map { [$0] }
        let biases = rows?.map { $0.reshaped([3 * units]) }
        return .gru(
            .init(
                kernel: tensor("kernel", parameters), recurrentKernel: tensor("recurrent_kernel", parameters),
                bias: biases?.first, recurrentBias: resetAfter ? biases?.last : nil),
            .init(
                recurrentActivation: form(.sigmoid), activation: form(.tanh), clip: clip, resetAfter: resetAfter),
            packing)
    }
}

private let simple = CellCase(testDescription: "SimpleRNN", layer: { SimpleRNN($0) }) { _, parameters, packing in
    .simple(
        .init(
            kernel: tensor("kernel", parameters), recurrentKernel: tensor("recurrent_kernel", parameters),
            bias: parameters["bias"]),
        activation: form(.tanh), packing)
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

/// Batches that fill no tile, one tile, and several with a rest.
private let batches = [1, 2, 3, 5, 6, 7, 11, 12, 13, 27]

/// What sums in different orders may differ by.
///
/// A pre-activation here has up to k = 53 products and Σ|a·b| ≈ 3.3 of random signs (40 units, 13 features, |U| ≤ 1/4).
/// Each side rounds k + 2 times by up to 2^-24 of the sum so far; independent errors grow as √k, so two sides differ by
/// 2·√55·2^-24·3.3 ≈ 2.9e-6 at worst, and the gates' slopes, 1 at most, do not let it grow from step to step. The other
/// sizes have smaller sums. The errors of the functions, 2.4 units in the last place, add 3·2.4·2^-24 ≈ 0.4e-6 for the
/// three that an output passes through, and as much on the other side.
private let sumsBound = 4e-6

@Suite struct RecurrentKernelTests {
    @Test(arguments: cells) fileprivate func agreesWithTheDefinitions(_ cell: CellCase) throws {
        for units in Array(1...40) + [70, 263] {
            let sample = try Sample(
                cell.layer(units), rows: batches[units % batches.count], features: units * 11 % 13 + 1)
            let plain = try sample.plain()
            let exact = sample.run(cell.packed(units, sample.parameters, Packing(kernels: .oracle)))
            #expect(agree(exact, plain), "oracle, \(units) units")
            for kernels in Kernels.available {
                let found = sample.run(cell.packed(units, sample.parameters, Packing(kernels: kernels)))
                #expect(agree(found, exact), "\(kernels), \(units) units, \(sample.rows) rows")
                #expect(agree(found, plain), "\(kernels), \(units) units, \(sample.rows) rows")
            }
        }
    }

    @Test(arguments: cells, WeightPrecision.allCases)
    fileprivate func rowsDoNotDependOnEachOther(_ cell: CellCase, _ precision: WeightPrecision) throws {
        for kernels in Kernels.available {
            for rows in batches {
                let sample = try Sample(cell.layer(21), rows: rows, features: 5)
                let packed = cell.packed(21, sample.parameters, Packing(kernels: kernels, precision: precision))
                let together = sample.run(packed)
                for row in 0..<rows {
                    #expect(sample.row(row).run(packed) == together.map { $0.rows([row]) })
                }
            }
        }
    }

    /// All kernels round weights in the same way, so with bfloat16 they agree as with float32.
    ///
    /// With int8 the states are rounded, too, to steps of 2^-14 of the largest. States that differ in their last bit
    /// fall on neighbouring steps about once in 500, which moves a sum by 2^-14·|w| ≤ 3e-5; three such of one row make 1e-4.
    @Test(arguments: cells) fileprivate func fewerBitsStayNear(_ cell: CellCase) throws {
        for (precision, bound, between) in [(WeightPrecision.bfloat16, 0.02, sumsBound), (.int8, 0.03, 1e-4)] {
            for units in [5, 16, 33, 64] {
                let sample = try Sample(cell.layer(units), rows: 8, features: 7)
                let exact = sample.run(cell.packed(units, sample.parameters, Packing(kernels: .oracle)))
                let results = Kernels.available.map {
                    sample.run(cell.packed(units, sample.parameters, Packing(kernels: $0, precision: precision)))
                }
                for found in results {
                    #expect(agree(found, exact, within: bound), "\(precision)")
                    #expect(agree(found, results[0], within: between), "\(precision)")
                }
            }
        }
    }

    @Test(arguments: cells) fileprivate func teamsComputeTheSame(_ cell: CellCase) throws {
        for (units, rows) in [(280, 1), (280, 2), (19, 13), (300, 8)] {
            let sample = try Sample(cell.layer(units), rows: rows, features: 9)
            let packed = cell.packed(units, sample.parameters, Packing())
            let alone = sample.run(packed)
            for threads in 2...3 {
                let team = try #require(KernelTeam(threads: threads))
                #expect(sample.run(packed, team: team) == alone, "\(units) units, \(rows) rows, \(threads) threads")
            }
        }
    }

    private func agree(_ found: [Tensor], _ expected: [Tensor], within bound: Double = sumsBound) -> Bool {
        found.count == expected.count
            && zip(found, expected).allSatisfy { Difference($0, $1).isWithin(.relative(bound)) }
    }
}

/// Parameters, a sequence of three steps, and states.
private struct Sample {
    static let time = 3
    let layer: any RecurrentOperator
    let parameters: ParameterSet
    /// [rows, time, features]
    var x: Tensor
    var states: [Tensor]
    var rows: Int { x.shape[0] }

    init(_ layer: any RecurrentOperator, rows: Int, features: Int) throws {
        var random = RandomSource(seed: UInt64(rows * 1000 + features))
        var parameters = ParameterSet()
        let bound = 0.5 / Float(max(1, layer.outputSize / 16))
        for spec in try layer.parameterSpecs(for: Slots([ValueType(.float32, [.batch, .time, .fixed(features)])])) {
            parameters[spec.name] = random.uniform(spec.shape, in: -bound..<bound)
        }
        self.layer = layer
        self.parameters = parameters
        x = random.uniform([rows, Self.time, features], in: -1..<1)
        states = layer.stateSizes.map { random.uniform([rows, $0], in: -1..<1) }
    }

    func row(_ row: Int) -> Sample {
        var copy = self
        copy.x = x.rows([row])
        copy.states = states.map { $0.rows([row]) }
        return copy
    }

    /// The outputs of all steps, then the states, by the definition.
    func plain() throws -> [Tensor] {
        let cell = try layer.cell(parameters)
        var states = states
        var outputs: [Tensor] = []
        for t in 0..<Self.time {
            let step = x.sliced(axis: 1, from: t, count: 1).reshaped([rows, x.shape[2]])
            let (output, next) = try cell.step(step, states)
            outputs.append(output)
            states = next
        }
        return [.stacked(outputs, axis: 1)] + states
    }

    /// The same by the kernels; outputs are written into rows three numbers longer than they need.
    func run(_ packed: PackedRecurrence, team: KernelTeam? = nil) -> [Tensor] {
        let (units, features) = (packed.units, packed.features), width = packed.units + 3
        let walk = RecurrentWalk(
            packed, batch: rows, time: Self.time, input: .init(row: Self.time * features, time: features),
            output: .init(row: Self.time * width, time: width))
        let plan = CallPlan(team: team)
        let input = plan.floats(x.floats)
        let output = plan.floats(rows * Self.time * width)
        let memory = states.map { plan.floats($0.count) }
        for (target, state) in zip(memory, states) {
            for (index, value) in state.floats.enumerated() { target[index] = value }
        }
        plan.addWalk(walk, x: input, mask: nil, output: output, h: memory[0], c: memory.count > 1 ? memory[1] : nil)
        #expect(plan.run())
        let all = tensor(output, [rows, Self.time, width])
        #expect(all.sliced(axis: 2, from: units, count: 3) == Tensor(zeros: [rows, Self.time, 3]))
        return [all.sliced(axis: 2, from: 0, count: units)] + memory.map { tensor($0, [rows, units]) }
    }

    private func tensor(_ base: UnsafeMutablePointer<Float>, _ shape: [Int]) -> Tensor {
        Tensor(Array(UnsafeBufferPointer(start: base, count: shape.product)), shape: shape)
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
