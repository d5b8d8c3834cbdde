import FerryEngine

/// Finds the tensors in what `torch.save` was given: a state dict, a checkpoint around one, or a TorchScript module.
struct TorchCheckpoint {
    private let heap: PickleHeap
    /// The tensors by their names.
    private(set) var tensors: [(name: String, view: TorchView)] = []
    /// What was ignored, by name.
    private(set) var notes: [String] = []
    private var visits = 0

    /// The tensors of a state dict or of a checkpoint that holds one.
    init(_ root: PickleValue, _ heap: PickleHeap) throws {
        self.heap = heap
        var value = root
        var path: [String] = []
        while let (name, inner) = try stateDict(in: value) {
            ignoreSiblings(of: name, in: value, path)
            path.append(name)
            value = inner
        }
        if !path.isEmpty { notes.insert("the tensors of '\(path.joined(separator: "."))' were taken", at: 0) }
        try collect(value, path: [], isModule: false)
        guard !tensors.isEmpty || isEmptyDictionary(value) else {
            throw FerryError(
                .wrongFormat, found: "\(value.kind) without tensors", expected: "a state dict",
                remedy: "save model.state_dict()")
        }
    }

    /// The tensors of a TorchScript module, by their paths.
    init(module root: PickleValue, _ heap: PickleHeap) throws {
        self.heap = heap
        try collect(root, path: [], isModule: true)
    }

    /// The keys under which checkpoints keep the state dict of their model.
    private static let modelKeys = [
        "state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "weights",
    ]
    /// Parts of the keys under which they keep the tensors of something else.
    private static let otherKeys = ["optim", "scheduler", "scaler", "rng_state"]

    private func stateDict(in value: PickleValue) throws -> (name: String, value: PickleValue)? {
        guard case .dict(let place) = value else { return nil }
        let members = heap.members(place)
        guard !members.contains(where: { $0.value.isTensor }) else { return nil }
        for key in Self.modelKeys {
            guard let member = members.first(where: { $0.name == key }), case .dict = member.value else { continue }
            var attempt = self
            try attempt.collect(member.value, path: [], isModule: false)
            if !attempt.tensors.isEmpty { return member }
        }
        return nil
    }

    private mutating func ignoreSiblings(of name: String, in value: PickleValue, _ path: [String]) {
        guard case .dict(let place) = value else { return }
        for member in heap.members(place) where member.name != name { ignore(path + [member.name], member.value) }
    }

    private mutating func ignore(_ path: [String], _ value: PickleValue) {
        notes.append("'\(path.joined(separator: "."))' (\(value.kind)) was ignored")
    }

    private func isEmptyDictionary(_ value: PickleValue) -> Bool {
        if case .dict(let place) = value { heap[place].items.isEmpty } else { false }
    }

    /// Adds every tensor below `value`, under the path that leads to it.
    private mutating func collect(_ value: PickleValue, path: [String], isModule: Bool) throws {
        guard path.count <= Self.deepest else { throw Self.beyondStateDicts }
        switch value {
        case .tensor(let view): tensors.append((path.isEmpty ? "tensor" : path.joined(separator: "."), view))
        case .dict(let place) where !isModule: try collect(heap.members(place), path, isModule)
        case .object(let place): try heap[place].attributes.map { try collect(heap.members($0), path, isModule) }
        // Lists in a module of TorchScript repeat its parameters, as `_flat_weights` does; they are none themselves.
        case .list(let place) where !isModule, .tuple(let place) where !isModule:
            try visit(heap[place].items.count)
            for (index, item) in heap[place].items.enumerated() {
                try collect((name: "\(index)", value: item), path, isModule)
            }
        default: if !isModule { ignore(path, value) }
        }
    }

    private mutating func collect(
        _ members: [(name: String, value: PickleValue)], _ path: [String], _ isModule: Bool
    ) throws {
        try visit(members.count)
        for member in members { try collect(member, path, isModule) }
    }

    private mutating func collect(
        _ member: (name: String, value: PickleValue), _ path: [String], _ isModule: Bool
    ) throws {
        let inner = path + [member.name]
        if !isModule, !member.value.isTensor, Self.otherKeys.contains(where: member.name.lowercased().contains) {
            ignore(inner, member.value)
        } else {
            try collect(member.value, path: inner, isModule: isModule)
        }
    }

    /// Counts values before anything is made of them.
    private mutating func visit(_ count: Int) throws {
        visits += count
        guard visits <= Self.mostValues else { throw Self.beyondStateDicts }
    }

    private static var beyondStateDicts: FerryError {
        FerryError(
            .unsupported, found: "values nested \(deepest) times or \(mostValues) of them", expected: "a state dict",
            remedy: "save model.state_dict()")
    }

    private static let deepest = 64
    private static let mostValues = 1_000_000
}

extension PickleValue {
    fileprivate var isTensor: Bool { if case .tensor = self { true } else { false } }
}
