import FerryEngine
import FerryRuntime

extension Concatenate {
    /// The functions that join tensors and take them apart.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction(["concatenate", "concat"], parameters: ["values", "axis"]) { call in
            let axis = try call.int("axis", default: 0)
            let values = try call.tensors("values", "xs")
            return try call.results(of: Concatenate(axis: axis), values)[0]
        },
        KerasFunction(["stack"], parameters: ["values", "axis"]) { call in
            let axis = try call.int("axis", default: 0)
            let values = try call.tensors("values", "x").map { try call.helper(Unsqueeze([axis]), $0) }
            return try call.results(of: Concatenate(axis: axis), values)[0]
        },
        KerasFunction(["hstack"], parameters: ["xs"]) { call in
            let values = try call.tensors("xs", "x")
            let axis = values.first.map { call.type(of: $0).rank } == 1 ? 0 : 1
            return try call.results(of: Concatenate(axis: axis), values)[0]
        },
        KerasFunction("split", parameters: ["x", "indices_or_sections"]) { call in
            let axis = try call.int("axis", default: 0)
            let cuts = try call.ints("indices_or_sections")
            let sizes = call.take("num_or_size_splits").flatMap(Split.Sizes.init)
            _ = call.take("num")
            let x = try call.tensor("x", "value")
            let length = try call.type(of: x).shape[checkedAxis(axis, rank: call.type(of: x).rank)].length
            return try call.results(of: Split(axis: axis, cuts: cuts, sizes: sizes, length), [x])
        },
        KerasFunction("unstack", parameters: ["x"]) { call in
            let axis = try call.int("axis", default: 0)
            let number = try call.ints("num")?.first
            let x = try call.tensor("x", "value")
            let length = try call.type(of: x).shape[checkedAxis(axis, rank: call.type(of: x).rank)].length
            guard let count = number ?? length else {
                throw FerryError(.shape, found: "input \(call.type(of: x).shape)", expected: "a fixed axis \(axis)")
            }
            let parts = try call.results(of: Split(axis: axis, lengths: nil, count: count), [x])
            return try parts.map { try call.apply(Squeeze([axis]), $0) }
        },
    ]
}

extension Split {
    /// How TensorFlow says where to cut.
    fileprivate enum Sizes {
        case number(Int)
        case list([Int])

        init?(_ json: JSONValue) {
            guard let list = json.intList else { return nil }
            self = json.intValue.map(Self.number) ?? .list(list)
        }
    }

    /// The cuts of NumPy, one number of parts or the places between them, or those of TensorFlow.
    fileprivate init(axis: Int, cuts: [Int]?, sizes: Sizes?, _ length: Int?) throws {
        switch (sizes, cuts) {
        case (.number(let count), _): self.init(axis: axis, lengths: nil, count: count)
        case (.list(var lengths), _):
            if let free = lengths.firstIndex(of: -1), let length {
                lengths[free] = length - lengths.reduce(0, +) - 1
            }
            self.init(axis: axis, lengths: .known(lengths), count: lengths.count)
        case (nil, let parts?) where parts.count == 1: self.init(axis: axis, lengths: nil, count: parts[0])
        case (nil, let cuts?):
            guard let length else {
                throw FerryError(.unsupported, found: "a split of a free axis", expected: "a fixed one")
            }
            let places = [0] + cuts + [length]
            let lengths = zip(places.dropFirst(), places).map { $0 - $1 }
            self.init(axis: axis, lengths: .known(lengths), count: lengths.count)
        default: throw FerryError(.missingKey, found: "no argument 'indices_or_sections'")
        }
    }
}

extension Slice {
    /// The function behind `x[…]`.
    static let kerasFunctions: [KerasFunction] = [
        KerasFunction(["get_item", "getitem"], parameters: ["x", "key"]) { call in
            let key = call.take("key", "slice_spec") ?? []
            let x = try call.tensor("x", "tensor")
            let cut = try KerasSubscript(key, rank: call.type(of: x).rank)
            var result = x
            if !cut.axes.isEmpty {
                result = try call.apply(
                    Slice(
                        starts: .known(cut.starts), ends: .known(cut.ends), axes: .known(cut.axes),
                        steps: .known(cut.steps)),
                    result)
            }
            // From the last axis on, so that the others keep their places.
            for (axis, index) in cut.picked.reversed() { result = try call.pick(index, of: axis, from: result) }
            if !cut.added.isEmpty { result = try call.apply(Unsqueeze(cut.added), result) }
            return result
        },
        KerasFunction(["slice"], parameters: ["x", "start_indices"]) { call in
            let starts = try call.ints("start_indices", "begin") ?? []
            let lengths = try call.ints("shape", "size") ?? []
            guard starts.count == lengths.count else {
                throw FerryError(.unsupported, found: "\(starts.count) starts, \(lengths.count) lengths")
            }
            let ends = zip(starts, lengths).map { $1 < 0 ? Int.max : $0 + $1 }
            return try call.apply(
                Slice(starts: .known(starts), ends: .known(ends)), call.tensor("x", "inputs", "input_"))
        },
        KerasFunction(["diff"]) { call in
            let axis = try call.int("axis", default: -1)
            let times = try call.int("n", default: 1)
            var x = try call.tensor("a", "x")
            for _ in 0..<times {
                let next = try call.helper(Slice(axis, from: 1, to: .max), x)
                x = try call.apply(Arithmetic(.subtract), next, call.helper(Slice(axis, from: 0, to: -1), x))
            }
            return x
        },
        KerasFunction(["roll"], parameters: ["x", "shift"]) { call in
            let (shifts, axes) = (try call.ints("shift") ?? [], try call.ints("axis") ?? [])
            guard shifts.count == axes.count else {
                throw FerryError(.unsupported, found: "shifts \(shifts) along axes \(axes)", expected: "one for each")
            }
            var x = try call.tensor("x", "input")
            for (shift, axis) in zip(shifts, axes) {
                let length = try call.type(of: x).shape[checkedAxis(axis, rank: call.type(of: x).rank)].length
                guard length != nil || abs(shift) <= 1 else {
                    throw FerryError(.unsupported, found: "a roll of free axis \(axis)", expected: "a fixed axis")
                }
                let places = length.map { $0 == 0 ? 0 : shift % $0 } ?? shift
                guard places != 0 else { continue }
                let (front, back) = (Slice(axis, from: -places, to: .max), Slice(axis, from: 0, to: -places))
                let parts = [try call.helper(front, x), try call.helper(back, x)]
                x = try call.results(of: Concatenate(axis: axis), parts)[0]
            }
            return x
        },
        triangle(["tril"]) { (nil, try $0.int("k", default: 0)) },
        triangle(["triu"]) { (-(try $0.int("k", default: 0)), nil) },
        triangle(["band_part", "matrix_band_part"]) { call in
            let (below, above) = (try call.int("num_lower"), try call.int("num_upper"))
            return (below < 0 ? nil : below, above < 0 ? nil : above)
        },
        KerasFunction(["pad"], parameters: ["x", "pad_width"]) { call in
            let pairs = call.take("pad_width", "paddings") ?? []
            let mode = try call.string("mode", default: "constant").lowercased()
            let value = call.take("constant_values") ?? 0
            let x = try call.tensor("x", "tensor")
            let rank = call.type(of: x).rank
            let lists =
                pairs.intList.map { list in Array(repeating: [list[0], list[list.count - 1]], count: rank) }
                ?? (pairs.arrayValue ?? []).map { $0.intList ?? [] }
            guard lists.count == rank, lists.allSatisfy({ $0.count == 2 }), let mode = Pad.Mode(rawValue: mode),
                let number = value.doubleValue
            else { throw call.unexpected(pairs, "pad_width", "two numbers for each axis, filled with a constant") }
            let pads = Integers.known(lists.map { $0[0] } + lists.map { $0[1] })
            guard mode == .constant, number != 0 else { return try call.apply(Pad(mode, pads: pads), x) }
            return try call.apply(Pad(mode, pads: pads, valueSlot: 1), x, call.number(number, like: x))
        },
    ]
}

extension KerasFunctionCall {
    /// One place of an axis, which the result has no longer. TensorFlow's gather does not count from the end, as Keras 2
    /// will have to when it reads what is written of this.
    fileprivate mutating func pick(_ index: Int, of axis: Int, from x: Graph.ValueID) throws -> Graph.ValueID {
        let length = type(of: x).shape[axis].length
        guard index >= 0 || length != nil else {
            let end = index == -1 ? Int.max : index + 1
            return try apply(Squeeze([axis]), helper(Slice(axis, from: index, to: end), x))
        }
        let place = index < 0 ? index + (length ?? 0) : index
        return try apply(Gather(axis: axis), x, constant(Tensor(scalar: Int64(place))))
    }
}

extension Slice {
    /// One range of one axis.
    fileprivate init(_ axis: Int, from start: Int, to end: Int) {
        self.init(starts: .known([start]), ends: .known([end]), axes: .known([axis]))
    }

    /// A function that keeps a band of each matrix: as many diagonals below and above the first as `read` says, all where
    /// it says nil.
    fileprivate static func triangle(
        _ names: [String], _ read: @escaping @Sendable (inout KerasFunctionCall) throws -> (below: Int?, above: Int?)
    ) -> KerasFunction {
        KerasFunction(names) { call in
            let (below, above) = try read(&call)
            let x = try call.tensor("x", "input")
            let shape = call.type(of: x).shape
            guard shape.count >= 2, let rows = shape[shape.count - 2].length,
                let columns = shape[shape.count - 1].length
            else {
                throw FerryError(.unsupported, found: "a triangle of \(shape)", expected: "matrices of a fixed size")
            }
            let kept = (0..<(rows * columns)).map { place in
                let distance = place % columns - place / columns
                return distance >= -(below ?? rows) && distance <= above ?? columns
            }
            let mask = call.constant(Tensor(kept, shape: [rows, columns]))
            return try call.apply(Choice(), mask, x, call.number(0, like: x))
        }
    }
}

/// What is between the brackets of `x[…]`.
private struct KerasSubscript {
    private(set) var starts: [Int] = []
    private(set) var ends: [Int] = []
    private(set) var steps: [Int] = []
    private(set) var axes: [Int] = []
    /// The axes of the input that a single index picks from, and the index.
    private(set) var picked: [(axis: Int, index: Int)] = []
    /// Where the result has new axes.
    private(set) var added: [Int] = []

    /// - Throws: ``FerryError/Code/unsupported`` for indices that are tensors or lists.
    init(_ json: JSONValue, rank: Int) throws {
        let parts = json.arrayValue ?? [json]
        let named = parts.count { !$0.isNull && !Self.isEllipsis($0) }
        var axis = 0
        var resultAxis = 0
        for part in parts {
            if part.isNull {
                added.append(resultAxis)
                resultAxis += 1
            } else if Self.isEllipsis(part) {
                axis += rank - named
                resultAxis += rank - named
            } else if let index = part.intValue {
                picked.append((axis, index))
                axis += 1
            } else {
                try cut(axis, by: part["config"] ?? part)
                axis += 1
                resultAxis += 1
            }
        }
    }

    private static func isEllipsis(_ json: JSONValue) -> Bool { json["class_name"] == "__ellipsis__" || json == "..." }

    private mutating func cut(_ axis: Int, by slice: JSONValue) throws {
        let bounds = ["start", "stop", "step"].map { slice[$0] ?? .null }
        guard slice.objectValue != nil, bounds.allSatisfy({ $0.isNull || $0.intValue != nil }) else {
            throw FerryError(
                .unsupported, found: "an index \(slice.compactText)", expected: "numbers and slices of numbers")
        }
        let step = bounds[2].intValue ?? 1
        if bounds[0].isNull && bounds[1].isNull && step == 1 { return }
        cut(
            axis, from: bounds[0].intValue ?? (step > 0 ? 0 : .max), to: bounds[1].intValue ?? (step > 0 ? .max : .min),
            step: step)
    }

    private mutating func cut(_ axis: Int, from start: Int, to end: Int, step: Int) {
        starts.append(start)
        ends.append(end)
        steps.append(step)
        axes.append(axis)
    }
}
