import FerryEngine

extension PickleMachine {
    /// The storage that a persistent id names: `('storage', class, key, device, count)`, and in the older format
    /// perhaps `(key, offset, count)` of a part of it.
    func storage(_ id: PickleValue) throws -> TorchStorageReference {
        guard case .tuple(let place) = id else { throw misuse("refers to memory by \(id.kind)") }
        let parts = heap[place].items
        guard parts.count >= 5, case .string("storage") = parts[0], case .global(.storage(let dtype)) = parts[1],
            case .string(let key) = parts[2], case .int(let count) = parts[4], count >= 0
        else { throw misuse("refers to memory in an unknown way") }
        var reference = TorchStorageReference(dtype: dtype, key: key, count: count)
        if parts.count > 5, case .tuple(let view) = parts[5] {
            guard heap[view].items.count == 3, case .int(let offset) = heap[view].items[1], offset >= 0 else {
                throw misuse("refers to a part of memory in an unknown way")
            }
            reference.viewOffset = offset
        }
        return reference
    }
}

extension TorchView {
    /// The tensor that a call of one of `_rebuild_tensor`'s versions would make.
    init(_ arguments: [PickleValue], _ call: TorchGlobal.TensorCall, _ heap: PickleHeap) throws {
        guard arguments.count >= 4, case .storage(let storage) = arguments[0], case .int(let offset) = arguments[1],
            let shape = heap.integers(arguments[2]), let strides = heap.integers(arguments[3])
        else {
            throw FerryError(
                .damagedFile,
                found: "a call of \(call.rawValue) with other arguments than a storage, an offset, a shape and strides")
        }
        var dtype = storage.dtype
        if call == .v3, arguments.count >= 7, case .global(.dtype(let own)) = arguments[6] { dtype = own }
        guard let dtype else { throw FerryError(.damagedFile, found: "a tensor without a type") }
        let (start, overflows) = offset.addingReportingOverflow(storage.viewOffset)
        self.init(storage: storage, dtype: dtype, offset: overflows ? -1 : start, shape: shape, strides: strides)
        try check()
    }

    /// Refuses numbers that no tensor has, whatever its storage may hold.
    private func check() throws {
        guard offset >= 0, shape.count == strides.count, shape.count <= 64, shape.checkedProduct != nil,
            strides.allSatisfy({ $0 >= 0 }), span != nil
        else {
            throw FerryError(
                .damagedFile, found: "a tensor of shape \(shape) with strides \(strides) from element \(offset)",
                expected: "numbers that fit each other")
        }
    }

    /// How many elements from the start of the storage it reaches to; nil where that overflows.
    var span: Int? {
        guard !shape.contains(0) else { return 0 }
        var last = offset
        for (length, stride) in zip(shape, strides) {
            let (reach, overflows) = (length - 1).multipliedReportingOverflow(by: stride)
            let (sum, sumOverflows) = last.addingReportingOverflow(reach)
            guard !overflows, !sumOverflows else { return nil }
            last = sum
        }
        let (span, overflows) = last.addingReportingOverflow(1)
        return overflows ? nil : span
    }
}

extension PickleHeap {
    /// The integers of a tuple or list.
    fileprivate func integers(_ value: PickleValue) -> [Int]? {
        let place: Int
        switch value {
        case .tuple(let own), .list(let own): place = own
        default: return nil
        }
        var result: [Int] = []
        for item in self[place].items {
            guard case .int(let integer) = item else { return nil }
            result.append(integer)
        }
        return result
    }
}
