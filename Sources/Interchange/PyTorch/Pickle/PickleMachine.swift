import FerryEngine

/// Reads the pickles of PyTorch without running anything.
///
/// A pickle is a program for a stack machine that may call any function of Python. This machine knows the
/// instructions that `torch.save` writes, and ``TorchGlobal`` lists every name that they may refer to; all else is
/// refused by name. The instructions are those of Python's `pickletools`.
struct PickleMachine {
    /// The lists, tuples, dictionaries and objects so far.
    private(set) var heap = PickleHeap()
    /// Every storage that the pickle refers to.
    private(set) var storages: [String: TorchStorageReference] = [:]
    /// Whether classes of TorchScript may be named.
    let allowsScriptClasses: Bool
    private(set) var reader: PickleReader
    private var stack: [PickleValue] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]

    /// A machine for the pickle that begins at `start`.
    init(_ bytes: [UInt8], from start: Int = 0, allowsScriptClasses: Bool = false) {
        reader = PickleReader(bytes, from: start)
        self.allowsScriptClasses = allowsScriptClasses
    }

    /// The value of the whole pickle; ``reader`` then stands behind its end.
    mutating func run() throws -> PickleValue {
        while true {
            let place = reader.position
            let code = try reader.byte()
            guard let opcode = PickleOpcode(rawValue: code) else {
                throw FerryError(
                    .unsupported, at: ["byte \(place)"], found: PickleOpcode.refusal(code),
                    expected: "the instructions that torch.save writes")
            }
            if opcode == .stop { return try pop() }
            try execute(opcode)
        }
    }

    private mutating func execute(_ opcode: PickleOpcode) throws {
        switch opcode {
        case .proto: try checkProtocol(reader.byte())
        case .frame: _ = try reader.unsigned(8)
        case .stop: break
        case .mark: marks.append(stack.count)
        case .pop: try discard()
        case .popMark: _ = try popToMark()
        case .dup: push(try top())
        case .none: push(.none)
        case .newTrue: push(.bool(true))
        case .newFalse: push(.bool(false))
        case .binInt: push(.int(try reader.signed(4)))
        case .binInt1: push(.int(try reader.unsigned(1)))
        case .binInt2: push(.int(try reader.unsigned(2)))
        case .long1: try pushLong(reader.unsigned(1))
        case .long4: try pushLong(reader.unsigned(4))
        case .binFloat: push(.float(Double(bitPattern: try reader.take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })))
        case .shortBinUnicode, .shortBinString: push(.string(try reader.text(reader.unsigned(1))))
        case .binUnicode, .binString: push(.string(try reader.text(reader.unsigned(4))))
        case .binUnicode8: push(.string(try reader.text(reader.unsigned(8))))
        case .shortBinBytes: push(.bytes(Array(try reader.take(reader.unsigned(1)))))
        case .binBytes: push(.bytes(Array(try reader.take(reader.unsigned(4)))))
        case .binBytes8, .byteArray8: push(.bytes(Array(try reader.take(reader.unsigned(8)))))
        case .emptyTuple: push(.tuple(heap.add()))
        case .tuple1: try pushTuple(1)
        case .tuple2: try pushTuple(2)
        case .tuple3: try pushTuple(3)
        case .tuple: push(.tuple(heap.add(try popToMark())))
        case .emptyList: push(.list(heap.add()))
        case .emptyDict: push(.dict(heap.add()))
        case .emptySet: push(.opaque("a set"))
        case .frozenSet:
            _ = try popToMark()
            push(.opaque("a set"))
        case .append: try append([pop()])
        case .appends: try append(popToMark())
        case .addItems: _ = try popToMark()
        case .setItem: try setItems(popLast(2))
        case .setItems: try setItems(popToMark())
        case .get: push(try remembered(reader.unsigned(1)))
        case .longGet: push(try remembered(reader.unsigned(4)))
        case .put: memo[try reader.unsigned(1)] = try top()
        case .longPut: memo[try reader.unsigned(4)] = try top()
        case .memoize: memo[memo.count] = try top()
        case .global: push(.global(try global(module: reader.line(), name: reader.line())))
        case .stackGlobal: try pushStackGlobal()
        case .persistentID: try pushStorage()
        case .reduce, .newObject: try call()
        case .build: try build()
        }
    }
}

// The stack.
extension PickleMachine {
    private mutating func push(_ value: PickleValue) { stack.append(value) }

    /// The place of the last mark, below which nothing may be taken.
    private var floor: Int { marks.last ?? 0 }

    private func top() throws -> PickleValue {
        guard let value = stack.last, stack.count > floor else { throw misuse("takes a value from an empty stack") }
        return value
    }

    private mutating func pop() throws -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func popLast(_ count: Int) throws -> [PickleValue] {
        guard stack.count - count >= floor else { throw misuse("takes \(count) values from a stack of fewer") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast(), mark <= stack.count else {
            throw misuse("looks for a mark that is not there")
        }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    /// POP also takes back a mark.
    private mutating func discard() throws {
        if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
    }

    private mutating func pushTuple(_ count: Int) throws { push(.tuple(heap.add(try popLast(count)))) }

    private mutating func pushLong(_ width: Int) throws {
        // Integers beyond 64 bits are of no tensor.
        push(
            width <= 8 ? .int(try reader.signed(width)) : .opaque("an integer of \(try reader.take(width).count) bytes")
        )
    }

    private func remembered(_ number: Int) throws -> PickleValue {
        guard let value = memo[number] else { throw misuse("recalls value \(number), which nobody stored") }
        return value
    }

    private func checkProtocol(_ version: UInt8) throws {
        guard version <= 5 else {
            throw FerryError(.unsupported, found: "pickle protocol \(version)", expected: "protocols up to 5")
        }
    }

    func misuse(_ what: String) -> FerryError {
        FerryError(
            .damagedFile, at: ["byte \(reader.position)"], found: "an instruction \(what)",
            expected: "a pickle of torch.save", remedy: "save or download the file again")
    }
}

// Containers, names and calls.
extension PickleMachine {
    private mutating func append(_ items: [PickleValue]) throws {
        switch try top() {
        case .list(let place): heap[place].items += items
        case .opaque: break
        case let other: throw misuse("appends to \(other.kind)")
        }
    }

    private mutating func setItems(_ items: [PickleValue]) throws {
        guard items.count % 2 == 0 else { throw misuse("sets a key without a value") }
        switch try top() {
        case .dict(let place):
            for i in stride(from: 0, to: items.count, by: 2) {
                heap[place].keys.append(items[i])
                heap[place].items.append(items[i + 1])
            }
        case .opaque: break
        case let other: throw misuse("sets items of \(other.kind)")
        }
    }

    private mutating func pushStorage() throws {
        let storage = try storage(pop())
        storages[storage.key] = storage
        push(.storage(storage))
    }

    private mutating func pushStackGlobal() throws {
        guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
            throw misuse("refers to a name that is no string")
        }
        push(.global(try global(module: module, name: name)))
    }

    private func global(module: String, name: String) throws -> TorchGlobal {
        if let global = TorchGlobal(module: module, name: name) { return global }
        let path = "\(module).\(name)"
        if allowsScriptClasses, module.hasPrefix("__torch__") { return .scriptClass(path) }
        throw FerryError(
            .unsupported, at: ["byte \(reader.position)"], found: "the pickle refers to '\(path)'",
            expected: "tensors, numbers, texts, lists and dictionaries; Ferry runs no code of a file",
            remedy: "save model.state_dict() alone")
    }

    /// REDUCE and NEWOBJ: a callable and the tuple of its arguments become what the call would give.
    private mutating func call() throws {
        let parts = try popLast(2)
        guard case .tuple(let place) = parts[1] else {
            throw misuse("calls with \(parts[1].kind) in place of arguments")
        }
        let arguments = heap[place].items
        switch parts[0] {
        case .global(let global): push(try result(of: global, arguments))
        case .opaque: push(parts[0])
        case let other: throw misuse("calls \(other.kind)")
        }
    }

    private mutating func result(of global: TorchGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
        switch global {
        case .orderedDictionary: return .dict(try dictionary(arguments))
        case .rebuildTensor(let call): return .tensor(try TorchView(arguments, call, heap))
        case .firstArgument:
            guard let first = arguments.first else { throw misuse("calls '\(global.name)' without arguments") }
            return first
        case .rebuildFromType:
            guard arguments.count >= 3, case .global(let inner) = arguments[0], case .tuple(let place) = arguments[2]
            else { throw misuse("calls '\(global.name)' without a function and its arguments") }
            if case .rebuildFromType = inner { throw misuse("calls '\(global.name)' of itself") }
            return try result(of: inner, heap[place].items)
        case .scriptClass: return .object(heap.add())
        case .inert(let name): return .opaque("an instance of '\(name)'")
        case .storage, .dtype: throw misuse("calls '\(global.name)'")
        }
    }

    /// `OrderedDict()` or `OrderedDict([[key, value], …])`.
    private mutating func dictionary(_ arguments: [PickleValue]) throws -> Int {
        let place = heap.add()
        guard case .list(let list)? = arguments.first else { return place }
        for pair in heap[list].items {
            let parts: [PickleValue] =
                switch pair {
                case .list(let place), .tuple(let place): heap[place].items
                default: []
                }
            guard parts.count == 2 else { throw misuse("makes a dictionary of \(pair.kind)") }
            heap[place].keys.append(parts[0])
            heap[place].items.append(parts[1])
        }
        return place
    }

    /// BUILD gives an object its attributes; those of dictionaries and tensors only say how PyTorch's own code is to
    /// treat them.
    private mutating func build() throws {
        let state = try pop()
        switch try top() {
        case .object(let place):
            switch state {
            case .dict(let attributes): heap[place].attributes = attributes
            // A class of TorchScript with a state of its own, as packed quantised weights have.
            default: heap[place].items = [state]
            }
        case .dict, .tensor, .opaque: break
        case let other: throw misuse("changes \(other.kind)")
        }
    }
}
