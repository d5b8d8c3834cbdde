import FerryEngine

/// A value that a pickle spells.
///
/// Lists, tuples, dictionaries and objects are places in a ``PickleHeap``, so that shared and cyclic ones cost nothing.
enum PickleValue {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(String)
    case bytes([UInt8])
    case list(Int)
    case tuple(Int)
    case dict(Int)
    /// An instance of a class of TorchScript: its attributes, nothing that runs.
    case object(Int)
    case global(TorchGlobal)
    case storage(TorchStorageReference)
    indirect case tensor(TorchView)
    /// Something harmless that no tensor depends on, such as a NumPy number or a device.
    case opaque(String)

    /// What a sentence calls it.
    var kind: String {
        switch self {
        case .none: "None"
        case .bool: "a boolean"
        case .int, .float: "a number"
        case .string: "a string"
        case .bytes: "bytes"
        case .list: "a list"
        case .tuple: "a tuple"
        case .dict: "a dictionary"
        case .object: "an object"
        case .global(let global): "'\(global.name)'"
        case .storage: "a storage"
        case .tensor: "a tensor"
        case .opaque(let kind): kind
        }
    }
}

/// The lists, tuples, dictionaries and objects of one pickle.
struct PickleHeap {
    /// One of them.
    struct Container {
        /// The elements, or the values of a dictionary.
        var items: [PickleValue] = []
        /// The keys of a dictionary, as many as ``items``.
        var keys: [PickleValue] = []
        /// What BUILD gave an object: its attributes, a dictionary.
        var attributes: Int?
    }

    private(set) var containers: [Container] = []

    /// Adds a container and gives its place.
    mutating func add(_ items: [PickleValue] = []) -> Int {
        containers.append(Container(items: items))
        return containers.count - 1
    }

    /// The container at a place.
    subscript(place: Int) -> Container {
        get { containers[place] }
        _modify { yield &containers[place] }
    }

    /// The members of a dictionary whose keys are strings; of equal keys the last counts, as in Python.
    func members(_ place: Int) -> [(name: String, value: PickleValue)] {
        var positions: [String: Int] = [:]
        var members: [(name: String, value: PickleValue)] = []
        for (key, value) in zip(self[place].keys, self[place].items) {
            guard case .string(let name) = key else { continue }
            if let position = positions[name] {
                members[position].value = value
            } else {
                positions[name] = members.count
                members.append((name, value))
            }
        }
        return members
    }
}

/// The memory that a pickle refers to and that stands elsewhere in the file.
struct TorchStorageReference: Hashable {
    /// The type of its elements; nil where it is plain bytes.
    let dtype: TorchDType?
    /// Its name in the file.
    let key: String
    /// Elements, or bytes where it has no type.
    let count: Int
    /// Where it begins in the memory of that name, as files of the older format may say.
    var viewOffset = 0
}

/// A tensor as a pickle describes it: a storage, read with strides.
struct TorchView: Hashable {
    let storage: TorchStorageReference
    let dtype: TorchDType
    /// The first element, counted in elements of the storage.
    let offset: Int
    let shape: [Int]
    let strides: [Int]
}
