package import FerryEngine
package import FerryRuntime

/// Random inputs that one model, or each of several, accepts.
package struct RandomInputs {
    private let names: [String]
    private let types: [ValueType]
    private let traits: [InputTraits]
    private let graph: Graph

    /// Inputs for one model.
    package init(for model: Model) {
        names = model.inputs.map(\.name)
        types = model.inputs.map(\.type)
        traits = model.graph.inputTraits
        graph = model.graph
    }

    /// Inputs for `model` that also suit `other`, whose inputs must be compatible with those of `model`.
    init(for model: Model, and other: Model) {
        names = model.inputs.map(\.name)
        types = zip(model.inputs, other.inputs).map { a, b in
            a.type.with(shape: zip(a.type.shape, b.type.shape).map { $0.length == nil ? $1.fixedOr($0) : $0 })
        }
        traits = zip(model.graph.inputTraits, other.graph.inputTraits).map { $0.merged(with: $1) }
        graph = model.graph
    }

    /// Batches of 1 and 3 rows, each in two lengths, as far as the model leaves them free.
    ///
    /// - Throws: ``FerryError`` where the model accepts none of the lengths tried.
    package func samples(seed: UInt64) throws -> [[Tensor]] {
        let lengths = try acceptedLengths()
        var random = RandomSource(seed: seed)
        var seen = Set<[[Int]]>()
        let shapes = [1, 3].flatMap { batch in lengths.map { self.shapes(batch: batch, length: $0) } }
        return try shapes.filter { seen.insert($0).inserted }.map { try tensors($0, using: &random) }
    }

    /// The shape of every input with `batch` rows and `length` along every other free axis.
    package func shapes(batch: Int, length: Int) -> [[Int]] {
        let batchName = self.batchName
        return types.map { type in
            type.shape.enumerated().map { axis, dimension in
                switch dimension {
                case .fixed(let length): length
                case .named(let name): name == batchName ? batch : length
                case .unknown: axis == 0 ? batch : length
                }
            }
        }
    }

    /// Inputs of the given shapes: valid token ids, numbers of a normal distribution, padding here and there.
    ///
    /// - Throws: ``FerryError/Code/range`` where a shape is absurd.
    package func tensors(_ shapes: [[Int]], using random: inout RandomSource) throws -> [Tensor] {
        try types.indices.map { input in
            _ = try locating("input '\(names[input])'") { try checkedShape(shapes[input]) }
            let dtype = types[input].dtype
            if let vocabulary = traits[input].vocabulary {
                return ids(below: min(vocabulary, dtype.exactIntegers), shapes[input], using: &random).cast(to: dtype)
            }
            // 0 and 1 are valid wherever an integer is an index, a length or a choice.
            guard dtype.isFloat else { return ids(below: 2, shapes[input], using: &random).cast(to: dtype) }
            let numbers = random.normal(shapes[input])
            return padded(numbers, with: traits[input].padding, using: &random).cast(to: dtype)
        }
    }

    /// The name of the axis that counts rows: one that says so, or else the first of the first input.
    private var batchName: String? {
        let names = types.flatMap(\.shape).compactMap(\.name)
        return names.first { $0.lowercased().contains("batch") } ?? types.first?.shape.first?.name
    }

    /// Two lengths that the model's layers accept; longer ones where they need more.
    private func acceptedLengths() throws -> [Int] {
        var refusal: (any Error)?
        for lengths in [[7, 12], [16, 32], [64, 128], [256, 512]] {
            do {
                for length in lengths {
                    let shapes = shapes(batch: 1, length: length)
                    let slots = zip(types, shapes).map { $0.with(shape: $1.map(Dimension.fixed)) }
                    _ = try Submodel(graph).outputTypes(for: Slots(slots))
                }
                return lengths
            } catch { refusal = refusal ?? error }
        }
        throw refusal ?? FerryError(.shape, found: "accepts no length")
    }

    private func ids(below count: Int, _ shape: [Int], using random: inout RandomSource) -> Tensor {
        Tensor(shape: shape, of: Int64.self) { target in
            for i in target.indices {
                // Id 0 is often padding: it has to occur, however large the vocabulary.
                let isPadding = Int.random(in: 0..<4, using: &random) == 0
                target[i] = isPadding ? 0 : Int64.random(in: 0..<Int64(max(count, 1)), using: &random)
            }
        }
    }

    private func padded(_ numbers: Tensor, with padding: Float?, using random: inout RandomSource) -> Tensor {
        guard let padding, let features = numbers.shape.last, features > 0 else { return numbers }
        var numbers = numbers
        numbers.withUnsafeMutableElements { (target: UnsafeMutableBufferPointer<Float>) in
            for step in stride(from: 0, to: target.count, by: features) {
                let isPadding = Int.random(in: 0..<4, using: &random) == 0
                if isPadding { target[step..<(step + features)].update(repeating: padding) }
            }
        }
        return numbers
    }
}

extension DType {
    /// How many integers from 0 on it tells apart.
    fileprivate var exactIntegers: Int {
        switch self {
        case .bool: 2
        case .int8: 128
        case .uint8, .bfloat16: 256
        case .float16: 2048
        case .int16: 32_768
        case .uint16: 65_536
        case .float32: 1 << 24
        default: .max
        }
    }
}

extension Dimension {
    /// The name of a free axis that has one.
    fileprivate var name: String? { if case .named(let name) = self { name } else { nil } }

    /// This dimension where it is fixed, or else `other`.
    fileprivate func fixedOr(_ other: Dimension) -> Dimension { length == nil ? other : self }
}
