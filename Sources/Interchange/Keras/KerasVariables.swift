import FerryEngine
import OrderedCollections

/// The weights of the layout of Keras 3, also written by Keras 2.12 and later: numbered datasets in groups named after
/// the classes of the layers.
struct KerasVariables {
    private let root: HDF5Group
    private var taken: Set<String> = []
    /// What Keras 2.12 to 2.14 call the group of the layers.
    private static let oldContainer = "_layer_checkpoint_dependencies"

    init(_ root: HDF5Group) { self.root = root.withBackslashesAsPaths() }

    /// Whether a file is of this layout.
    static func recognizes(_ root: HDF5Group) -> Bool {
        let first = root.groups.keys.map { String($0.prefix { $0 != "\\" }) }
        return first.contains { $0 == "layers" || $0 == oldContainer || $0 == "vars" }
    }

    /// The numbered datasets of the group at `path`, such as `layers/lstm/cell`; nil where there are none.
    mutating func take(at path: String) throws -> [KerasWeight]? {
        guard let (actual, group) = group(at: path), let variables = group.groups["vars"] else { return nil }
        taken.insert(actual)
        return try variables.datasets.keys.compactMap(Int.init).sorted().map { number in
            KerasWeight("\(actual)/vars/\(number)", try variables.weight(at: "\(number)"))
        }
    }

    /// The groups with variables that nobody has taken, but those of the optimiser.
    var unused: [String] {
        root.groups.filter { $0.key != "optimizer" && $0.key != "_optimizer" }
            .flatMap { Self.filled($0.value, at: $0.key) }.filter { !taken.contains($0) }.sorted()
    }

    private static func filled(_ group: HDF5Group, at path: String) -> [String] {
        let own = group.groups["vars"].map { !$0.datasets.isEmpty } ?? false
        return (own ? [path] : []) + group.groups.flatMap { filled($0.value, at: "\(path)/\($0.key)") }
    }

    /// The group at a path, and its path as the file has it.
    private func group(at path: String) -> (path: String, group: HDF5Group)? {
        var group = root
        var actual: [String] = []
        var isOldContainer = false
        for part in path.split(separator: "/").map(String.init) {
            var name = part
            if isOldContainer {
                guard let ranked = group.name(byRank: part) else { return nil }
                name = ranked
            } else if part == "layers", group.groups[part] == nil {
                name = Self.oldContainer
            } else if group.groups[part] == nil {
                // Keras 2 keeps the layers inside MultiHeadAttention under private names.
                name = "_\(part)"
            }
            guard let next = group.groups[name] else { return nil }
            isOldContainer = name == Self.oldContainer
            actual.append(name)
            group = next
        }
        return (actual.joined(separator: "/"), group)
    }
}

extension HDF5Group {
    /// The group with names such as `layers\lstm`, which Keras wrote on Windows, as groups in groups.
    fileprivate func withBackslashesAsPaths() -> HDF5Group {
        guard groups.keys.contains(where: { $0.contains("\\") }) else { return self }
        var result = self
        for (name, group) in groups where name.contains("\\") {
            result.groups[name] = nil
            result.update(groupAt: name.split(separator: "\\").joined(separator: "/")) { place in
                place.groups.merge(group.groups) { old, _ in old }
                place.datasets.merge(group.datasets) { old, _ in old }
            }
        }
        return result
    }

    /// The name of the group of the n-th layer of a class, for a name such as `lstm_1`.
    ///
    /// Keras 2.12 and 2.13 number the layers of a class 0, 2, 4 …, so the rank among the names counts.
    fileprivate func name(byRank name: String) -> String? {
        guard let (base, rank) = name.numbered else { return name }
        let candidates = groups.keys.compactMap { key in key.numbered.map { (key, $0) } }
            .filter { $0.1.base == base }.sorted { $0.1.number < $1.1.number }
        return candidates.indices.contains(rank) ? candidates[rank].0 : nil
    }
}

extension String {
    /// `("lstm", 2)` from `lstm_2`, `("lstm", 0)` from `lstm`.
    fileprivate var numbered: (base: String, number: Int)? {
        guard let underscore = lastIndex(of: "_"), let number = Int(self[index(after: underscore)...]) else {
            return (self, 0)
        }
        return (String(self[..<underscore]), number)
    }
}

extension KerasVersion {
    /// A path of groups below a layer's, under the names of the attributes that this version has for them.
    func attributePath(_ path: String) -> String {
        guard !isKeras3 else { return path }
        let hidden = ["query_dense", "key_dense", "value_dense", "output_dense"]
        return path.split(separator: "/").map { hidden.contains(String($0)) ? "_\($0)" : String($0) }
            .joined(separator: "/")
    }
}
