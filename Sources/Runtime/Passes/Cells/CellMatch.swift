import FerryEngine
import OrderedCollections

/// A recurrent cell that was recognised in the nodes that compute one step.
struct CellMatch {
    /// The layer that runs the cell, with default options.
    var layer: any RecurrentOperator
    var parameters: ParameterSet
    /// The features of this step.
    var input: Columns
    /// The states before the step: h, and c of an LSTM.
    var states: [Columns]
    /// The states behind the step.
    var newStates: [Columns]

    /// Whether two steps are of one cell.
    func isSameCell(as other: CellMatch) -> Bool { layer.equals(other.layer) && parameters == other.parameters }
}

/// Recognises the step of a recurrent layer by its equations, whatever nodes write them.
struct CellMatcher {
    let tracer: ColumnTracer
    /// Which of two sources is the state, where the equations leave that open.
    let isState: (Columns) -> Bool

    /// The cell whose new output is `output`.
    func match(_ output: Columns) -> CellMatch? {
        lstm(output) ?? gru(output) ?? simple(output)
    }

    /// Two factors, in both orders.
    func factors(_ columns: Columns) -> [(Columns, Columns)] {
        let columns = tracer.source(of: columns)
        guard let (index, arithmetic) = tracer.draft.producer(of: columns.value, Arithmetic.self),
            arithmetic.function == .multiply, let pair = operands(columns, index)
        else { return [] }
        return [pair, (pair.1, pair.0)]
    }

    /// Two addends, in both orders.
    func addends(_ columns: Columns) -> [(Columns, Columns)] {
        let columns = tracer.source(of: columns)
        guard let (index, arithmetic) = tracer.draft.producer(of: columns.value, Arithmetic.self),
            [.add, .sum].contains(arithmetic.function), let pair = operands(columns, index)
        else { return [] }
        return [pair, (pair.1, pair.0)]
    }

    /// a and b of a − b.
    func difference(_ columns: Columns) -> (Columns, Columns)? {
        let columns = tracer.source(of: columns)
        guard let (index, arithmetic) = tracer.draft.producer(of: columns.value, Arithmetic.self),
            arithmetic.function == .subtract
        else { return nil }
        return operands(columns, index)
    }

    private func operands(_ columns: Columns, _ index: Int) -> (Columns, Columns)? {
        let inputs = tracer.draft.nodes[index].inputs.compactMap { $0 }
        let width = tracer.draft.type(of: columns.value).shape.last
        guard inputs.count == 2,
            inputs.allSatisfy({
                let type = tracer.draft.type(of: $0)
                return type.rank == tracer.draft.type(of: columns.value).rank && type.shape.last == width
                    || tracer.draft.constant($0)?.count == 1
            })
        else { return nil }
        return (tracer.source(of: columns.of(inputs[0])), tracer.source(of: columns.of(inputs[1])))
    }

    /// z where the features are 1 − z.
    func complement(_ columns: Columns) -> Columns? {
        guard let (one, z) = difference(columns), let known = tracer.draft.constant(one.value), known.dtype == .float32,
            known.floats.allSatisfy({ $0 == 1 })
        else { return nil }
        return z
    }

    /// A function and what it was applied to; the identity where there is none.
    func function(_ columns: Columns) -> (function: ActivationFunction, argument: Columns) {
        let columns = tracer.source(of: columns)
        guard let (index, activation) = tracer.draft.producer(of: columns.value, Activation.self),
            activation.function.axis == nil, let x = tracer.draft.nodes[index].inputs[0]
        else { return (.linear, columns) }
        return (activation.function, tracer.source(of: columns.of(x)))
    }

    /// A function of a sum of products with constant matrices.
    func gate(_ columns: Columns) -> GateForm? {
        var (function, argument) = function(columns)
        var form = tracer.linearForm(of: argument)
        if function == .linear, let scaled = scaledReLU6(columns) {
            // relu6(y) / 6 is Keras 3's hard sigmoid of y − 3.
            (function, argument) = (.hardSigmoidKeras3, scaled)
            form = tracer.linearForm(of: argument)
            form.bias = form.bias + Tensor(scalar: Float(-3))
        }
        return form.addends.isEmpty && !form.products.isEmpty ? GateForm(function: function, form: form) : nil
    }

    /// y where the features are relu6(y) / 6.
    private func scaledReLU6(_ columns: Columns) -> Columns? {
        for (factor, value) in factors(columns) {
            let (function, argument) = function(value)
            if function == .relu6, let known = tracer.draft.constant(factor.value), known.dtype == .float32,
                known.floats.allSatisfy({ abs($0 - 1 / 6) < 1e-7 })
            {
                return argument
            }
        }
        return nil
    }

    /// The kernels of gates that all read one input and one state, side by side.
    func kernels(_ gates: [LinearForm], state: Columns?) -> GateKernels? {
        var sources: [Columns] = []
        for gate in gates {
            for (source, _) in gate.products where !sources.contains(source) { sources.append(source) }
        }
        guard sources.count == 2, let h = state ?? sources.last(where: isState) ?? sources.last, sources.contains(h),
            let x = sources.first(where: { $0 != h })
        else { return nil }
        let width = gates[0].bias.count
        func stacked(_ source: Columns) -> Tensor {
            Tensor.concatenated(
                gates.map { ($0.terms[source] ?? nil) ?? Tensor(zeros: [source.width, width]) }, axis: 1)
        }
        return GateKernels(
            input: x, state: h, kernel: stacked(x), recurrentKernel: stacked(h),
            bias: Tensor.concatenated(gates.map(\.bias), axis: 0))
    }
}

/// A function of a sum of products.
struct GateForm {
    var function: ActivationFunction
    var form: LinearForm
}

/// The kernels of several gates, side by side.
struct GateKernels {
    var input: Columns
    var state: Columns
    var kernel: Tensor
    var recurrentKernel: Tensor
    var bias: Tensor

    /// Kernel, recurrent kernel and, where it is not zero, bias.
    var parameters: ParameterSet {
        var result = ParameterSet()
        result["kernel"] = kernel
        result["recurrent_kernel"] = recurrentKernel
        if hasBias { result["bias"] = bias }
        return result
    }

    var hasBias: Bool { bias.floats.contains { $0 != 0 } }
}
