import FerryEngine
import FerryRuntime
import OrderedCollections

/// A layer that waits for the tensors of a module.
struct TorchSlot {
    /// The path of the layer in the model.
    let name: String
    /// The layer.
    let layer: any TorchLayer
    private let expected: OrderedDictionary<String, [Int]>

    init(_ name: String, _ layer: any TorchLayer, _ specs: [ParameterSpec]) throws {
        self.name = name
        self.layer = layer
        var zeros = ParameterSet()
        for spec in specs { zeros[spec.name] = Tensor(zeros: spec.shape) }
        expected = try layer.torchTensors(zeros).mapValues(\.shape)
    }

    /// Whether a module has just the tensors that it needs.
    func fits(_ module: TorchModuleEntry) -> Bool {
        // Files of before PyTorch 0.4.1 do not count batches.
        let optional = "num_batches_tracked"
        let names = Set(expected.keys).subtracting([optional])
        guard names == Set(module.tensors.keys).subtracting([optional]) else { return false }
        return names.allSatisfy { expected[$0] == module.tensors[$0]?.shape }
            && module.tensors.allSatisfy { $0.value.dtype.dtype?.isFloat == true || $0.key == optional }
    }

    /// Whether a module's path says the layer's name, as that of a graph that an exporter wrote does.
    func isCalled(_ path: String) -> Bool {
        let path = path.hasPrefix("module.") ? String(path.dropFirst("module.".count)) : path
        let own = name.split(separator: "/").joined(separator: ".")
        return !path.isEmpty && (own == path || own.hasPrefix("\(path).") || path.hasSuffix(".\(own)"))
    }

    /// Whether nobody chose its name: `linear_1`, `lstm`.
    var hasGenericName: Bool {
        let base = name.replacing(/_\d+$/, with: "")
        return TorchStepCatalogue.byName[base] != nil || base == layer.kind.snakeCased
    }

    /// `weight_ih [24, 4], …`
    var shapes: String { expected.map { "\($0.key) \($0.value)" }.joined(separator: ", ") }

    /// How many names, and of those how many shapes, a module shares with it.
    func likeness(to module: TorchModuleEntry) -> Int {
        expected.reduce(0) { sum, entry in
            guard let tensor = module.tensors[entry.key] else { return sum - 1 }
            return sum + (tensor.shape == entry.value ? 3 : tensor.shape.count == entry.value.count ? 2 : 1)
        }
    }
}

extension Graph {
    /// The layers with parameters, those of models inside models included.
    ///
    /// - Throws: one ``FerryError`` that names every layer which PyTorch lacks.
    func torchSlots(scope: String) throws -> [TorchSlot] {
        var slots: [TorchSlot] = []
        var refusals: [TorchRefusal] = []
        var seen: Set<Int> = []
        for node in nodes where seen.insert(node.layer).inserted {
            let layer = layer(of: node)
            do {
                slots += try torchSlots(layer.operation, at: scope + layer.name, parameterSpecs(of: node))
            } catch let error as FerryError {
                refusals.append(TorchRefusal(layer: scope + layer.name, kind: layer.operation.kind, error: error))
            }
        }
        try TorchRefusal.refuse(refusals, "have no tensors in PyTorch's layout")
        return slots
    }

    private func torchSlots(
        _ operation: any Operator, at place: String, _ specs: [ParameterSpec]
    ) throws -> [TorchSlot] {
        guard !specs.isEmpty else { return [] }
        switch operation {
        case let submodel as Submodel: return try submodel.graph.torchSlots(scope: "\(place)/")
        case let steps as TimeDistributed:
            let inner = specs.map { spec in
                var spec = spec
                spec.name = String(spec.name.dropFirst("layer/".count))
                return spec
            }
            return try torchSlots(steps.layer, at: "\(place)/layer", inner)
        case let layer as any TorchLayer: return [try TorchSlot(place, layer, specs)]
        default: throw FerryError.notInTorch("is no layer that Ferry knows in PyTorch")
        }
    }
}
