import FerryEngine
import OrderedCollections

/// Weights of Keras 3 in several files and their index (`model.save_weights("model.weights.json", max_shard_size=…)`).
enum KerasWeightShards {
    /// Whether a file is such an index.
    static func isIndex(_ file: ModelFile) -> Bool {
        guard file.head.first(where: { $0 > 32 }) == UInt8(ascii: "{") else { return false }
        return String(decoding: file.head, as: UTF8.self).contains("\"weight_map\"")
    }

    /// The weights of all files that an index names.
    static func read(_ file: ModelFile, _ options: ReadOptions) throws -> HDF5Group {
        var root = HDF5Group()
        for shard in try names(JSONValue(parsing: FileBytes.read(file.path))) {
            try locating("shard '\(shard)'") {
                root.merge(
                    try HDF5Group(
                        contentsOf: "\(file.path.parentFolder)/\(shard)", library: options.library))
            }
        }
        return root
    }

    /// The names of the files, each once; all of them lie beside the index.
    private static func names(_ index: JSONValue) throws -> [String] {
        guard let map = index["weight_map"]?.objectValue else {
            throw FerryError(.damagedFile, found: "no 'weight_map'", expected: "the files of each group of weights")
        }
        var names: OrderedSet<String> = []
        for value in map.values {
            for name in value.arrayValue ?? [value] {
                guard let text = name.stringValue, !text.contains("/"), !text.contains("\\"), text != ".." else {
                    throw FerryError(
                        .damagedFile, at: ["weight_map"], found: name.compactText,
                        expected: "the name of a file in the same folder")
                }
                names.append(text)
            }
        }
        return Array(names)
    }
}

extension HDF5Group {
    /// Adds the members of another group, whose arrays go before equally named ones.
    fileprivate mutating func merge(_ other: HDF5Group) {
        datasets.merge(other.datasets) { _, new in new }
        for (name, group) in other.groups { groups[name, default: HDF5Group()].merge(group) }
    }
}
