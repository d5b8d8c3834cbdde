import FerryEngine
import OrderedCollections

extension CellMatcher {
    /// h′ = o∘τ(c′), c′ = f∘c + i∘g; the gates see x and h.
    func lstm(_ output: Columns) -> CellMatch? {
        for (outputGate, cell) in factors(output) {
            guard let o = gate(outputGate) else { continue }
            let (outputFunction, newC) = function(cell)
            if let match = lstm(o, outputFunction, output, tracer.source(of: newC)) { return match }
        }
        return nil
    }

    private func lstm(
        _ o: GateForm, _ outputFunction: ActivationFunction, _ newH: Columns, _ newC: Columns
    ) -> CellMatch? {
        for (kept, added) in addends(newC) {
            for (forget, c) in factors(kept) {
                guard let f = gate(forget), f.function == o.function, gate(c) == nil else { continue }
                for (input, candidate) in factors(added) {
                    guard let i = gate(input), i.function == o.function, let g = gate(candidate),
                        let kernels = kernels([i.form, f.form, g.form, o.form], state: nil)
                    else { continue }
                    var layer = LSTM(newH.width, activation: g.function, recurrentActivation: o.function)
                    if outputFunction != g.function { layer.outputActivation = outputFunction }
                    layer.useBias = kernels.hasBias
                    guard kernels.recurrentKernel.shape[0] == newH.width else { continue }
                    return CellMatch(
                        layer: layer, parameters: kernels.parameters, input: kernels.input,
                        states: [kernels.state, c], newStates: [tracer.source(of: newH), newC])
                }
            }
        }
        return nil
    }

    /// h′ = z∘h + (1 − z)∘n, or n + z∘(h − n).
    func gru(_ output: Columns) -> CellMatch? {
        for (first, second) in addends(output) {
            for (update, h) in factors(first) {
                for (rest, candidate) in factors(second) {
                    if complement(rest) == update, let match = gru(output, z: update, h: h, n: candidate) {
                        return match
                    }
                }
                if let (h, n) = difference(h), n == second, let match = gru(output, z: update, h: h, n: n) {
                    return match
                }
            }
        }
        return nil
    }

    private func gru(_ output: Columns, z: Columns, h: Columns, n: Columns) -> CellMatch? {
        guard let update = gate(z) else { return nil }
        let (function, argument) = function(n)
        let form = tracer.linearForm(of: argument)
        return resetAfter(output, update, h, function, form) ?? resetBefore(output, update, h, function, form)
    }

    /// n = τ(x·W + b + r∘(h·U + bʳ))
    private func resetAfter(
        _ output: Columns, _ z: GateForm, _ h: Columns, _ function: ActivationFunction, _ form: LinearForm
    ) -> CellMatch? {
        guard form.addends.count == 1, form.products.count == 1 else { return nil }
        for (reset, recurrent) in factors(form.addends[0]) {
            let inner = tracer.linearForm(of: recurrent)
            guard let r = gate(reset), r.function == z.function, inner.addends.isEmpty,
                inner.products.map(\.source) == [h]
            else { continue }
            var new = form
            new.terms = new.terms.filter { $0.value != nil }
            new.add(h, inner.products[0].matrix)
            guard let kernels = kernels([z.form, r.form, new], state: h) else { continue }
            let units = output.width
            var layer = GRU(units, activation: function, recurrentActivation: z.function, resetAfter: true)
            var parameters = kernels.parameters
            layer.useBias = kernels.hasBias || inner.bias.floats.contains { $0 != 0 }
            if layer.useBias {
                let recurrentBias = Tensor.concatenated([Tensor(zeros: [2 * units]), inner.bias], axis: 0)
                parameters["bias"] = .stacked([kernels.bias, recurrentBias], axis: 0)
            }
            return CellMatch(
                layer: layer, parameters: parameters, input: kernels.input, states: [h],
                newStates: [tracer.source(of: output)])
        }
        return nil
    }

    /// n = τ(x·W + b + (r∘h)·U)
    private func resetBefore(
        _ output: Columns, _ z: GateForm, _ h: Columns, _ function: ActivationFunction, _ form: LinearForm
    ) -> CellMatch? {
        guard form.addends.isEmpty, form.products.count == 2 else { return nil }
        for (source, matrix) in form.products {
            for (reset, state) in factors(source) {
                guard state == h, let r = gate(reset), r.function == z.function else { continue }
                var new = form
                new.terms[source] = nil
                new.add(h, matrix)
                guard let kernels = kernels([z.form, r.form, new], state: h) else { continue }
                var layer = GRU(output.width, activation: function, recurrentActivation: z.function, resetAfter: false)
                layer.useBias = kernels.hasBias
                return CellMatch(
                    layer: layer, parameters: kernels.parameters, input: kernels.input, states: [h],
                    newStates: [tracer.source(of: output)])
            }
        }
        return nil
    }

    /// h′ = τ(x·W + h·U + b)
    func simple(_ output: Columns) -> CellMatch? {
        guard let gate = gate(output), let kernels = kernels([gate.form], state: nil),
            kernels.recurrentKernel.shape[0] == output.width
        else { return nil }
        var layer = SimpleRNN(output.width, activation: gate.function)
        layer.useBias = kernels.hasBias
        return CellMatch(
            layer: layer, parameters: kernels.parameters, input: kernels.input, states: [kernels.state],
            newStates: [tracer.source(of: output)])
    }
}
