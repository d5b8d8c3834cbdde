import FerryEngine
import FerryRuntime
import OrderedCollections

/// Gives every layer of a graph its tensors from a state dict.
///
/// A layer takes a module whose tensors have the names and shapes that its own module would have. Where several do, the
/// one of its name comes first, then the order decides.
struct TorchAssignment {
    private(set) var parameters = ParameterSet()
    private(set) var sources: [String: ParameterSource] = [:]
    /// What a user should know.
    private(set) var notes: [String] = []
    private var modules: [TorchModuleEntry]
    private let keepsModuleOrder: Bool

    /// Assigns the tensors of `stateDict` to the layers of `graph`.
    ///
    /// - Throws: one ``FerryError`` that names every layer without tensors.
    init(_ stateDict: StateDict, to graph: Graph) throws {
        modules = stateDict.modules
        keepsModuleOrder = stateDict.keepsModuleOrder
        let slots = try graph.torchSlots(scope: "")
        var taken = byName(slots)
        for index in slots.indices where taken[index] == nil {
            taken[index] = modules.indices.first { module in
                !taken.contains(module) && slots[index].fits(modules[module])
            }
        }
        try refuseMissing(slots, taken)
        for (slot, module) in zip(slots, taken) {
            if let module { try take(modules[module], for: slot) }
        }
        report(slots, taken)
    }

    /// The module of each layer's name; names that nobody chose count where they all agree.
    private func byName(_ slots: [TorchSlot]) -> [Int?] {
        let found: [Int?] = slots.map { slot in
            let fitting = modules.indices.filter { slot.fits(modules[$0]) && slot.isCalled(modules[$0].path) }
            return fitting.count == 1 ? fitting[0] : nil
        }
        return slots.indices.map { index in
            guard slots[index].hasGenericName else { return found[index] }
            let alike = slots.indices.filter { slots[$0].shapes == slots[index].shapes }
            return alike.allSatisfy { found[$0] != nil } ? found[index] : nil
        }
    }

    private mutating func take(_ module: TorchModuleEntry, for slot: TorchSlot) throws {
        try locating("layer '\(slot.name)' (\(slot.layer.kind))") {
            let source = ParameterSource(
                module: module.path, level: module.level, names: module.names,
                tensors: try module.tensors.mapValues { try $0.tensor() })
            parameters.merge(try slot.layer.parameters(torch: source.moduleTensors), scope: slot.name)
            sources[slot.name] = source
        }
        let wide = module.tensors.filter { $0.value.dtype.name == "float64" }.keys
        if !wide.isEmpty { notes.append("\(module.title): float64 became float32, in which Ferry computes") }
    }

    /// One sentence for all layers without tensors, each with the module that comes nearest.
    private func refuseMissing(_ slots: [TorchSlot], _ taken: [Int?]) throws {
        let missing = zip(slots, taken).filter { $1 == nil }.map(\.0)
        guard !missing.isEmpty else { return }
        let free = modules.indices.filter { !taken.contains($0) }.map { modules[$0] }
        let list = missing.map { slot in
            let nearest = free.max { slot.likeness(to: $0) < slot.likeness(to: $1) }
            return "'\(slot.name)' (\(slot.layer.kind)) needs \(slot.shapes)"
                + (nearest.map { ", \($0.title) has \($0.shapes)" } ?? "")
        }
        throw FerryError(
            .missingWeight,
            found: "no tensors for \(missing.count) of \(slots.count) layers: \(list.joined(separator: "; "))",
            expected: "tensors of these names and shapes",
            remedy: "check that the architecture is the one that the tensors were saved from")
    }

    private mutating func report(_ slots: [TorchSlot], _ taken: [Int?]) {
        let pairs = zip(slots, taken).compactMap { slot, module in module.map { (slot, modules[$0]) } }
        if !pairs.isEmpty {
            notes.append(
                "tensors were given to layers: " + pairs.map { "\($1.title) to '\($0.name)'" }.joined(separator: ", "))
        }
        if !keepsModuleOrder { reportGuesses(slots, taken) }
        let unused = modules.indices.filter { !taken.contains($0) }.flatMap { modules[$0].names.values }
        if !unused.isEmpty { notes.append("no layer needs these tensors: \(unused.abbreviated)") }
    }

    /// Names the modules that were told apart by the order of their names alone.
    private mutating func reportGuesses(_ slots: [TorchSlot], _ taken: [Int?]) {
        let classes = Dictionary(grouping: slots.indices) { slots[$0].shapes }.values.filter { $0.count > 1 }
        for indices in classes.sorted(by: { $0[0] < $1[0] }) {
            let guessed = indices.filter { index in
                taken[index].map { !slots[index].isCalled(modules[$0].path) } ?? false
            }
            let paths = guessed.compactMap { taken[$0] }.map { modules[$0].path }
            // The layers of one stack, and names that only differ by a number, have an order.
            guard Set(paths.map { $0.filter { !$0.isNumber } }).count > 1 else { continue }
            notes.append(
                "\(paths.map { "'\($0)'" }.listed) have equal shapes and the file has lost their order: they were taken by "
                    + "name; say which is which with 'name=' in a description")
        }
    }
}

extension [String] {
    /// The first ten, and how many more there are.
    fileprivate var abbreviated: String {
        let shown = prefix(10).map { "'\($0)'" }.joined(separator: ", ")
        return count > 10 ? "\(shown) and \(count - 10) more" : shown
    }
}
