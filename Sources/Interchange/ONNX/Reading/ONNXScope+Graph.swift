package import FerryEngine
import FerryRuntime

extension ONNXScope {
    /// Reads a whole graph: constants, inputs, nodes, outputs.
    package func read(_ graph: ONNXGraph) throws {
        try bindConstants(of: graph)
        var names = Set<String>()
        if let twice = graph.inputs.first(where: { !names.insert($0.name).inserted }) {
            throw FerryError.damaged("has two inputs '\(twice.name)'")
        }
        let known = Set(graph.initializers.map(\.name) + graph.sparseInitializers.map(\.values.name))
        // Before version 4 of the format every constant was listed as an input too.
        for input in graph.inputs where !known.contains(input.name) {
            addInput(input.name, try locating("input '\(input.name)'") { try input.valueType().withBatch })
        }
        try readNodes(of: graph)
        finish(try graph.outputs.map { try operand($0.name) }, names: graph.outputs.map(\.name))
    }

    /// Reads a graph inside another, whose inputs have the given types.
    package func read(_ graph: ONNXGraph, inputs: [ValueType]) throws {
        guard inputs.count == graph.inputs.count else {
            throw FerryError.damaged(
                "graph '\(graph.name)' has \(graph.inputs.count) inputs", expected: "\(inputs.count)")
        }
        try bindConstants(of: graph)
        for (input, type) in zip(graph.inputs, inputs) { addInput(input.name, type) }
        try readNodes(of: graph)
        finish(try graph.outputs.map { try operand($0.name) }, names: graph.outputs.map(\.name))
    }

    func bindConstants(of graph: ONNXGraph) throws {
        for tensor in graph.initializers { bindConstant(tensor.name, try tensor.tensor()) }
        for sparse in graph.sparseInitializers { bindConstant(sparse.values.name, try sparse.tensor()) }
    }

    func readNodes(of graph: ONNXGraph) throws {
        for node in graph.nodes {
            try locating("node '\(label(node))' (\(node.opType))") { try read(node) }
        }
    }

    private func read(_ node: ONNXNode) throws {
        guard let type = ONNXReaderCatalogue.byOperator[node.qualifiedType] else {
            throw FerryError(.unsupported, found: "the operator is not supported")
        }
        var reader = try ONNXNodeReader(node, in: self)
        let outputs = try type.read(&reader)
        try reader.attributes.finish()
        for (index, name) in node.outputs.enumerated() where !name.isEmpty {
            guard index < outputs.count, let operand = outputs[index] else {
                throw FerryError(.unsupported, found: "output '\(name)' is not computed")
            }
            bind(name, operand)
        }
    }
}

extension ONNXValueInfo {
    /// The type of an input.
    ///
    /// - Throws: ``FerryError/Code/unsupported`` where it is no tensor that Ferry computes with.
    func valueType() throws -> ValueType {
        guard let type, case .tensor(let element, let axes) = type.value else {
            throw FerryError(.unsupported, found: "is no tensor", expected: "a tensor")
        }
        guard let dtype = element.dtype else {
            throw FerryError(.unsupported, found: "has elements of type \(element)", expected: "numbers or booleans")
        }
        guard let axes else {
            throw FerryError(.unsupported, found: "does not say how many axes it has", expected: "a shape")
        }
        let result = ValueType(dtype, axes.map(\.dimension))
        try result.requireSize()
        return result
    }
}

extension ValueType {
    /// The same with the first axis called batch, where tf2onnx gave a free axis a number for a name.
    fileprivate var withBatch: ValueType {
        guard case .named(let name) = shape.first, name.hasPrefix("unk__") else { return self }
        return with(shape: [.batch] + shape.dropFirst())
    }

    /// - Throws: ``FerryError/Code/range`` where no memory could hold the fixed axes.
    func requireSize() throws {
        guard let count = shape.compactMap(\.length).checkedProduct, count <= 1 << 40, rank <= 64 else {
            throw FerryError(.range, found: "a value of shape \(shape)", expected: "one that memory can hold")
        }
    }
}

extension ONNXDimension {
    /// The length as the graph has it; 0 and negative numbers are how some exporters say that it is free.
    var dimension: Dimension {
        switch length {
        case .fixed(let length): length > 0 ? .fixed(length) : .unknown
        case .named(let name): name.isEmpty ? .unknown : .named(name)
        case .unknown: .unknown
        }
    }
}

extension ONNXSparseTensor {
    /// The tensor with its zeros.
    func tensor() throws -> Tensor {
        let (values, places) = (try values.tensor(), try indices.tensor())
        let most = max(1 << 22, min(256 * values.count, 1 << 26))
        guard let count = dims.checkedProduct, count <= most, places.rank == 1 || places.shape.last == dims.count
        else {
            throw FerryError(.unsupported, found: "a sparse tensor of shape \(dims)", expected: "a smaller one")
        }
        let flat = places.rank == 1 ? places.ints : rows(places.ints)
        guard flat.count == values.count, flat.allSatisfy({ 0..<count ~= $0 }) else {
            throw FerryError.damaged("a sparse tensor has places outside its shape")
        }
        var result = Tensor(zeros: dims, dtype: values.dtype)
        let width = values.dtype.byteCount
        values.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { target in
                for (from, to) in flat.enumerated() {
                    for byte in 0..<width { target[to * width + byte] = source[from * width + byte] }
                }
            }
        }
        return result
    }

    private func rows(_ places: [Int]) -> [Int] {
        let strides = dims.rowMajorStrides
        return stride(from: 0, to: places.count, by: max(dims.count, 1)).map { start in
            zip(places[start...], strides).reduce(0) { $0 &+ $1.0 &* $1.1 }
        }
    }
}

extension ONNXScope {
    /// Reads the nodes of an inner graph as if they stood here and gives its outputs.
    func inline(_ graph: ONNXGraph) throws -> [ONNXOperand?] {
        guard graph.inputs.isEmpty else { throw FerryError.damaged("a branch has inputs") }
        try bindConstants(of: graph)
        try readNodes(of: graph)
        return try graph.outputs.map { try operand($0.name) }
    }
}
