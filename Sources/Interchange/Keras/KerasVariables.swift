import FerryEngine
import OrderedCollections

/// The weights of the layout of Keras 3, also written by Keras 2.12 and later: numbered datasets in groups named after
/// the classes of the layers.
struct KerasVariables {
    private let root: HDF5Group
    /// What Keras 2.12 to 2.14 call the group of the layers.
    private static let oldContainer = "_layer_checkpoint_dependencies"

    init(_ root: HDF5Group) { self.root = root }

    /// Whether a file is of this layout.
    static func recognizes(_ root: HDF5Group) -> Bool {
        root.groups["layers"] != nil || root.groups[oldContainer] != nil || root.groups["vars"] != nil
    }

    /// The numbered datasets of the group at `path`, such as `layers/lstm/cell`.
    ///
    /// - Throws: ``FerryError/Code/missingWeight`` where the group is not there.
    func weights(at path: String) throws -> [KerasWeight] {
        guard let group = group(at: path)?.groups["vars"] else {
            throw FerryError(
                .missingWeight, at: ["group '\(path)/vars'"], found: "no such group", expected: "the layer's variables",
                remedy: "check that the weights belong to this architecture")
        }
        return try group.datasets.keys.compactMap(Int.init).sorted().map { number in
            KerasWeight("\(path)/vars/\(number)", try group.weight(at: "\(number)"))
        }
    }

    /// The group at `path`; a part may also have an underscore before it, as the attributes of Keras 2's
    /// MultiHeadAttention do.
    private func group(at path: String) -> HDF5Group? {
        var group = root
        var isOldContainer = false
        for part in path.split(separator: "/").map(String.init) {
            let next =
                group.groups[part] ?? (part == "layers" ? group.groups[Self.oldContainer] : group.groups["_\(part)"])
            guard let next = isOldContainer ? group.byRank(part) : next else { return nil }
            isOldContainer = part == "layers" && group.groups[part] == nil
            group = next
        }
        return group
    }
}

extension HDF5Group {
    /// The group of the n-th layer of a class, for a name such as `lstm_1`.
    ///
    /// Keras 2.12 and 2.13 number the layers of a class 0, 2, 4 …, so the rank among the names counts.
    fileprivate func byRank(_ name: String) -> HDF5Group? {
        guard let (base, rank) = name.numbered, !groups.isEmpty else { return groups[name] }
        let candidates = groups.keys.compactMap { key in key.numbered.map { (key, $0) } }
            .filter { $0.1.base == base }.sorted { $0.1.number < $1.1.number }
        return candidates.indices.contains(rank) ? groups[candidates[rank].0] : nil
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
