import Ferry
import OrderedCollections

/// The arrays that `-i` names.
struct InputFiles {
    /// An array from a file.
    struct Array {
        /// The file, and the member inside it.
        let place: [String]
        /// The input that it is for; nil where its position says so.
        let name: String?
        let tensor: Tensor
        /// Whether it comes from a table, whose lines may mean several things.
        let isTable: Bool
    }

    private let file: String
    private let inputs: [(name: String, type: ValueType)]
    private let prediction: Prediction
    private let console: Console

    /// Reads inputs for the model in `file`, those of another batch size than its own too where a run is cut into calls.
    init(for model: Model, in file: String, _ prediction: Prediction, console: Console) {
        self.file = file
        inputs = model.inputs
        self.prediction = prediction
        self.console = console
    }

    private var names: [String] { inputs.map(\.name) }

    /// The arrays of one `[NAME=]FILE`.
    func read(_ argument: String) throws -> [Array] {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, names.contains(parts[0]) || !isFile(argument) else {
            return try read(argument, for: nil)
        }
        guard names.contains(parts[0]) else {
            throw FerryError(
                .usage, at: [file], found: "there is no input '\(parts[0])'",
                expected: "the inputs are \(quoted(names))")
        }
        return try read(parts[1], for: parts[0])
    }

    private func read(_ path: String, for name: String?) throws -> [Array] {
        let file = path.lastPathComponent
        let lowercased = file.lowercased()
        if lowercased.hasSuffix(".npz") { return try members(of: path, for: name) }
        if lowercased.hasSuffix(".npy") {
            return [Array(place: [file], name: name, tensor: try NPYFile.read(path), isTable: false)]
        }
        guard lowercased.hasSuffix(".csv") else {
            throw FerryError(
                .usage, at: [file], found: "the ending names no kind of array file",
                expected: "expected .npy, .npz or .csv")
        }
        return [Array(place: [file], name: name, tensor: try CSVMatrix.read(path), isTable: true)]
    }

    private func members(of path: String, for name: String?) throws -> [Array] {
        let file = path.lastPathComponent
        let members = try NPZFile.read(path)
        func array(_ member: String, _ tensor: Tensor, for name: String?) -> Array {
            Array(place: [file, "member '\(member)'"], name: name, tensor: tensor, isTable: false)
        }
        if let name {
            guard let (member, tensor) = members.first(where: { $0.key == name || members.count == 1 }) else {
                throw FerryError(
                    .usage, at: [file], found: "the members are \(quoted(members.keys))",
                    expected: "expected one called '\(name)', or one only")
            }
            return [array(member, tensor, for: name)]
        }
        let known = members.filter { names.contains($0.key) }
        if known.isEmpty { return members.map { array($0, $1, for: nil) } }
        let unknown = members.keys.filter { !names.contains($0) }
        guard unknown.isEmpty || known.count == names.count else {
            throw FerryError(
                .usage, at: [file], found: "of the members, \(quoted(unknown)) are no inputs",
                expected: "the inputs are \(quoted(names))")
        }
        for member in unknown { console.note("\(file) › member '\(member)': is no input and was left out") }
        return known.map { array($0, $1, for: $0) }
    }

    /// The arrays in the order of the model's inputs: those with a name first, the others where there is room; nil for
    /// states that begin with zeros.
    func arranged(_ arrays: [Array]) throws -> [Array?] {
        var named: [String: Array] = [:]
        for array in arrays {
            guard let name = array.name else { continue }
            guard named.updateValue(array, forKey: name) == nil else {
                throw FerryError(
                    .usage, at: [file], found: "input '\(name)' is given twice", expected: "each input once")
            }
        }
        var others = arrays.filter { $0.name == nil }[...]
        let states = Set(prediction.ports.map(\.input))
        let result = names.enumerated().map { named[$1] ?? (states.contains($0) ? nil : others.popFirst()) }
        guard result.indices.allSatisfy({ result[$0] != nil || states.contains($0) }), others.isEmpty else {
            throw FerryError(
                .usage, at: [file], found: "\(arrays.count) \(arrays.count == 1 ? "input is" : "inputs are") given",
                expected: "the model has \(names.count): \(quoted(names))",
                remedy: "give -i once for each, in this order or as -i NAME=FILE")
        }
        return result
    }

    /// The array as the input at the same position in the model needs it.
    func fitted(_ array: Array, at index: Int) throws -> Tensor {
        let (name, type) = inputs[index]
        let place = (array.place + ["input '\(name)'"]).joined(separator: " › ")
        return try locating(place) {
            let tensor = array.isTable ? table(array.tensor, as: type, place) : array.tensor
            try require(tensor.shape, fits: takesAnyRowCount(index) ? type.withAnyRowCount : type)
            return try tensor.losslesslyCast(to: type.dtype)
        }
    }

    private func takesAnyRowCount(_ index: Int) -> Bool {
        prediction.rowsPerCall != nil && !prediction.ports.contains { $0.input == index }
    }

    private func require(_ shape: [Int], fits type: ValueType) throws {
        guard !type.accepts(shape) else { return }
        let oneSample = [1] + shape
        let remedy =
            type.accepts(oneSample) ? "the batch axis is missing: save one sample with shape \(oneSample)" : nil
        throw FerryError(.shape, found: "shape \(shape)", expected: "expected \(type.shape)", remedy: remedy)
    }

    /// A table [rows, columns] as an input of any rank: a line is a sample, or a time step of the only sample.
    private func table(_ table: Tensor, as type: ValueType, _ place: String) -> Tensor {
        guard let shape = type.tableShape(rows: table.shape[0], columns: table.shape[1]) else { return table }
        let isSequence = shape[0] == 1 && table.shape[0] != 1
        console.note(
            isSequence
                ? "\(place): the lines are taken for the steps of one sequence, shape \(shape)"
                : "\(place): each line is taken for one sample, shape \(shape)")
        return table.reshaped(shape)
    }

    private func isFile(_ path: String) -> Bool { (try? FileBytes.prefix(of: path, 0)) != nil }

    private func quoted(_ names: some Sequence<String>) -> String { names.map { "'\($0)'" }.joined(separator: ", ") }
}
