import FerryEngine
import FerryRuntime
import OrderedCollections

/// The tensors of one module of a state dict, or of one layer of a stacked one.
struct TorchModuleEntry: Sendable {
    /// The path of the module.
    let path: String
    /// Which layer of the stack.
    let level: Int
    /// The tensors by their names inside, without the number of the layer.
    var tensors: OrderedDictionary<String, TorchTensor> = [:]
    /// Their names in the file.
    var names: OrderedDictionary<String, String> = [:]

    /// What sentences call it.
    var title: String { path.isEmpty ? "the module itself" : level == 0 ? "'\(path)'" : "'\(path)' (layer \(level))" }

    /// `weight [24, 4], bias [24]`
    var shapes: String { tensors.map { "\($0.key) \($0.value.shape)" }.joined(separator: ", ") }
}

extension StateDict {
    /// The tensors by module: in the module's order, or where the file has lost it, by path, numbers by their value.
    var modules: [TorchModuleEntry] {
        var entries: OrderedDictionary<String, TorchModuleEntry> = [:]
        for (text, tensor) in tensors {
            let name = TorchParameterName(text)
            let level = name.level ?? 0
            // A space is in no path of a module.
            var entry = entries["\(name.module) \(level)"] ?? TorchModuleEntry(path: name.module, level: level)
            entry.tensors[name.name] = tensor
            entry.names[name.name] = text
            entries["\(name.module) \(level)"] = entry
        }
        let ordered = keepsModuleOrder ? entries.values.elements : entries.values.sorted(by: TorchModuleEntry.precedes)
        return ordered
    }
}

extension TorchModuleEntry {
    /// Whether it comes first by path, where `fc2` comes before `fc10`.
    fileprivate static func precedes(_ a: TorchModuleEntry, _ b: TorchModuleEntry) -> Bool {
        let (x, y) = (a.path.sortKey, b.path.sortKey)
        for (p, q) in zip(x, y) where p != q {
            if let m = Int(p), let n = Int(q) { return m < n }
            return p < q
        }
        return x.count == y.count ? a.level < b.level : x.count < y.count
    }
}

extension String {
    /// The parts of digits and of other characters in turn.
    fileprivate var sortKey: [String] {
        matches(of: /\d+|\D+/).map { String($0.output) }
    }
}
