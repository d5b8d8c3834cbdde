import FerryEngine
import OrderedCollections

/// Features as a sum: Σ source · matrix + bias.
struct LinearForm {
    /// The matrix of each source, [features of the source, width]; nil is the identity.
    var terms: OrderedDictionary<Columns, Tensor?> = [:]
    /// [width]
    var bias: Tensor

    /// The sources that are multiplied by matrices.
    var products: [(source: Columns, matrix: Tensor)] { terms.compactMap { term in term.value.map { (term.key, $0) } } }
    /// The sources that are only added.
    var addends: [Columns] { terms.filter { $0.value == nil }.map(\.key) }

    init(bias: Tensor) { self.bias = bias }

    /// Σ source · matrix + bias with another such sum added.
    func adding(_ other: LinearForm) -> LinearForm {
        var sum = LinearForm(bias: bias + other.bias)
        sum.terms = terms
        for (source, matrix) in other.terms { sum.add(source, matrix) }
        return sum
    }

    mutating func add(_ source: Columns, _ matrix: Tensor?) {
        guard let present = terms[source] else {
            terms[source] = .some(matrix)
            return
        }
        let identity = { Tensor(identity: source.width) }
        terms[source] = .some((present ?? identity()) + (matrix ?? identity()))
    }

    /// Everything times one number for each column.
    func scaled(by factors: Tensor) -> LinearForm {
        var result = LinearForm(bias: bias * factors)
        for (source, matrix) in terms {
            result.terms[source] = .some((matrix ?? Tensor(identity: source.width)) * factors)
        }
        return result
    }
}

extension Tensor {
    /// The matrix that changes nothing.
    init(identity size: Int) {
        self.init(
            (0..<(size * size)).map { Float($0 % (size + 1) == 0 ? 1 : 0) }, shape: [size, size])
    }
}

extension ColumnTracer {
    /// The features as a sum of products of other values with constant matrices, as far as they are one.
    func linearForm(of columns: Columns) -> LinearForm {
        let columns = source(of: columns)
        return (depth < Self.deepest ? expanded(columns) : nil)
            ?? {
                var form = LinearForm(bias: Tensor(zeros: [columns.width]))
                form.add(columns, nil)
                return form
            }()
    }

    private func expanded(_ columns: Columns) -> LinearForm? {
        if let row = constantRow(columns) { return LinearForm(bias: row) }
        guard let index = draft.producer(of: columns.value) else { return nil }
        let node = draft.nodes[index]
        switch node.layer.operation {
        case let arithmetic as Arithmetic: return combined(columns, node, arithmetic.function)
        case let elementwise as Elementwise where elementwise.function == .negate:
            return node.inputs[0].flatMap { operand(columns, $0) }?.scaled(by: Tensor(scalar: Float(-1)))
        case is MatMul:
            guard let kernel = matrix(node.inputs[1]) else { return nil }
            return product(columns, node.inputs[0], kernel)
        case let gemm as Gemm: return product(columns, node, gemm)
        case let dense as Dense where dense.activation == .linear:
            guard let kernel = node.parameters["kernel"],
                let form = product(columns, node.inputs[0], kernel)
            else { return nil }
            guard dense.useBias, let bias = node.parameters["bias"] else { return form }
            return form.adding(LinearForm(bias: bias.sliced(columns.range)))
        default: return nil
        }
    }

    private func matrix(_ value: Graph.ValueID?) -> Tensor? {
        guard let tensor = draft.constant(value), tensor.rank == 2, tensor.dtype == .float32 else { return nil }
        return tensor
    }

    private func combined(
        _ columns: Columns, _ node: GraphDraft.Node, _ function: Arithmetic.Function
    ) -> LinearForm? {
        let inputs = node.inputs.compactMap { $0 }
        switch function {
        case .add, .sum:
            let forms = inputs.compactMap { operand(columns, $0) }
            guard forms.count == inputs.count, let first = forms.first else { return nil }
            return forms.dropFirst().reduce(first) { $0.adding($1) }
        case .subtract:
            guard let a = operand(columns, inputs[0]), let b = operand(columns, inputs[1]) else { return nil }
            return a.adding(b.scaled(by: Tensor(scalar: Float(-1))))
        case .multiply, .divide:
            if let factors = factors(columns, inputs[1]), let form = operand(columns, inputs[0]) {
                return form.scaled(by: function == .multiply ? factors : factors.map { (x: Float) in 1 / x })
            }
            guard function == .multiply, let factors = factors(columns, inputs[0]) else { return nil }
            return operand(columns, inputs[1])?.scaled(by: factors)
        default: return nil
        }
    }

    private func factors(_ columns: Columns, _ value: Graph.ValueID) -> Tensor? { constantRow(columns.of(value)) }

    /// The same features of an operand that has as many axes, or is the same for all rows.
    private func operand(_ columns: Columns, _ value: Graph.ValueID) -> LinearForm? {
        if let row = constantRow(columns.of(value)) { return LinearForm(bias: row) }
        let (type, result) = (draft.type(of: value), draft.type(of: columns.value))
        guard type.rank == result.rank, type.shape.last == result.shape.last else { return nil }
        var deeper = self
        deeper.depth += 1
        return deeper.linearForm(of: columns.of(value))
    }

    /// The features of a constant that is the same for all rows, and for all steps where there are any: [width].
    private func constantRow(_ columns: Columns) -> Tensor? {
        guard let tensor = draft.constant(columns.value), tensor.dtype == .float32 else {
            return isZero(columns.value) ? Tensor(zeros: [columns.width]) : nil
        }
        if tensor.count == 1 { return tensor.reshaped([1]).broadcast(to: [columns.width]) }
        guard let width = tensor.shape.last, columns.range.upperBound <= width, width > 0 else { return nil }
        let rows = tensor.reshaped([tensor.count / width, width])
        let row = rows.sliced(axis: 0, from: 0, count: 1)
        guard rows.shape[0] == 1 || row.broadcast(to: rows.shape) == rows else { return nil }
        return row.reshaped([width]).sliced(columns.range)
    }

    private func isZero(_ value: Graph.ValueID) -> Bool { draft.isZero(value) }

    private func product(_ columns: Columns, _ node: GraphDraft.Node, _ gemm: Gemm) -> LinearForm? {
        guard !gemm.transposesA, let kernel = matrix(node.inputs[1]) else { return nil }
        let oriented = gemm.transposesB ? kernel.transposed([1, 0]) : kernel
        guard var form = product(columns, node.inputs[0], oriented) else { return nil }
        if gemm.alpha != 1 { form = form.scaled(by: Tensor(scalar: gemm.alpha)) }
        guard node.inputs.count > 2, let addend = node.inputs[2] else { return form }
        guard let more = operand(columns, addend) else { return nil }
        return form.adding(gemm.beta == 1 ? more : more.scaled(by: Tensor(scalar: gemm.beta)))
    }

    private func product(_ columns: Columns, _ input: Graph.ValueID?, _ kernel: Tensor) -> LinearForm? {
        guard let input, draft.type(of: input).rank == draft.type(of: columns.value).rank,
            columns.range.upperBound <= kernel.shape[1]
        else { return nil }
        let matrix = kernel.sliced(axis: 1, from: columns.range.lowerBound, count: columns.width)
        var form = LinearForm(bias: Tensor(zeros: [columns.width]))
        var row = 0
        for part in parts(Columns(value: input, step: columns.step, range: 0..<kernel.shape[0])) {
            let rows = matrix.sliced(axis: 0, from: row, count: part.width)
            row += part.width
            if let constant = constantRow(part) {
                form.bias = form.bias + constant.reshaped([1, part.width]).matmul(rows).reshaped([columns.width])
            } else {
                form.add(part, rows)
            }
        }
        return form
    }

    /// The pieces that were laid side by side.
    private func parts(_ columns: Columns) -> [Columns] {
        let columns = source(of: columns)
        let rank = draft.type(of: columns.value).rank
        guard let (index, concatenate) = draft.producer(of: columns.value, Concatenate.self),
            resolvedAxis(concatenate.axis, rank: rank) == rank - 1
        else { return [columns] }
        let inputs = draft.nodes[index].inputs.compactMap { $0 }
        guard let widths = inputs.map({ draft.type(of: $0).shape.last ?? .unknown }).lengths,
            columns.range == 0..<widths.reduce(0, +)
        else { return [columns] }
        return zip(inputs, widths).flatMap { input, width in
            parts(Columns(value: input, step: columns.step, range: 0..<width))
        }
    }
}

extension Tensor {
    /// Some elements of a list.
    fileprivate func sliced(_ range: Range<Int>) -> Tensor {
        sliced(axis: 0, from: range.lowerBound, count: range.count)
    }
}
