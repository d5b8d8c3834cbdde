import FerryEngine

/// Reading the elements of attributes and datasets.
extension HDF5Reader {
    /// The value of an attribute.
    mutating func value(of attribute: HDF5StoredAttribute) throws -> HDF5Attribute {
        let type = try HDF5Datatype(attribute.type)
        guard let shape = try HDF5Dataspace(attribute.space).shape else { return HDF5Attribute(empty: type.elements) }
        let elements = attribute.elements.rest
        return HDF5Attribute(
            try content(type, shape, .contiguous) { size in
                guard size <= elements.count else { throw HDF5Damage.outside }
                return UnsafeRawBufferPointer(rebasing: elements.prefix(size))
            })
    }

    /// The elements of a dataset.
    mutating func content(of header: HDF5ObjectHeader) throws -> HDF5Dataset.Content {
        let storage = try HDF5Storage(header)
        let filters = try header.first(.filters).map(HDF5Filters.init) ?? HDF5Filters()
        if let filter = filters.foreign { return .unsupported("data compressed by '\(filter)'") }
        guard let typeMessage = try header.first(.datatype), let spaceMessage = try header.first(.dataspace) else {
            throw HDF5Damage.outside
        }
        let type = try HDF5Datatype(typeMessage)
        let space = try HDF5Dataspace(spaceMessage)
        guard let shape = space.shape else { return HDF5Dataset.Content(empty: type.elements) }
        if type.elements == .texts(isVariable: true), storage.fillValue?.contains(where: { $0 != 0 }) == true {
            throw HDF5Unknown(what: "a text as the value of unwritten elements")
        }
        let image = image
        switch storage.place {
        case .contiguous(let address?, let byteCount):
            return try content(type, shape, storage.layout) { size in
                guard size <= byteCount else { throw HDF5Damage.outside }
                return try image.cursor(at: address, count: size).rest
            }
        case .compact(let bytes):
            return try content(type, shape, storage.layout) { UnsafeRawBufferPointer(rebasing: bytes.prefix($0)) }
        case .contiguous(nil, _):
            return try content(type, shape, storage.layout) { target in
                try Self.fill(target, with: storage.fillValue)
            }
        case .chunked(let chunks):
            let unpacking = HDF5Unpacking(
                image: image, chunks: chunks, filters: filters, shape: shape, limits: space.limits,
                elementSize: type.size)
            return try content(type, shape, storage.layout) { target in
                try unpacking.requireMatch()
                try Self.fill(target, with: storage.fillValue)
                try unpacking.unpack(into: target)
            }
        }
    }

    /// Elements that lie in the file as they are.
    private mutating func content(
        _ type: HDF5Datatype, _ shape: [Int], _ layout: HDF5Layout,
        stored: (_ byteCount: Int) throws -> UnsafeRawBufferPointer
    ) throws -> HDF5Dataset.Content {
        try content(type, shape, layout) { target in
            if !target.isEmpty { target.copyMemory(from: try stored(target.count)) }
        }
    }

    /// Elements that `fill` puts into memory full of zeros.
    private mutating func content(
        _ type: HDF5Datatype, _ shape: [Int], _ layout: HDF5Layout,
        fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) throws -> HDF5Dataset.Content {
        if case .unsupported(let kind) = type.elements { return .unsupported(kind) }
        let count = try budget.claim(shape, elementSize: type.size)
        try budget.check(layout, of: shape, elementSize: type.size)
        switch type.elements {
        case .numbers(let dtype, _):
            var tensor = Tensor(zeros: shape, dtype: dtype)
            try tensor.withUnsafeMutableBytes { bytes in
                guard bytes.count == count * type.size else { throw HDF5Damage.outside }
                try fill(bytes)
                if type.isBigEndian { bytes.swapBytes(of: type.size) }
                // Any other bit pattern is not a value of `Bool`.
                if dtype == .bool { for i in bytes.indices where bytes[i] > 1 { bytes[i] = 1 } }
            }
            return .tensor(tensor)
        case .texts(let isVariable):
            var bytes = [UInt8](repeating: 0, count: count * type.size)
            try bytes.withUnsafeMutableBytes(fill)
            guard !isVariable else {
                guard type.size == heap.referenceSize else { throw HDF5Damage.outside }
                return .strings(try bytes.withUnsafeBytes { try heap.texts(of: $0) }, shape: shape)
            }
            return .strings(HDF5Elements.texts(bytes, of: type.size, type.padding), shape: shape)
        case .unsupported(let kind):
            return .unsupported(kind)
        }
    }

    private static func fill(_ target: UnsafeMutableRawBufferPointer, with value: [UInt8]?) throws {
        guard let value, value.contains(where: { $0 != 0 }), !target.isEmpty else { return }
        guard target.count % value.count == 0 else { throw HDF5Damage.error("a fill value has another size") }
        for start in stride(from: 0, to: target.count, by: value.count) {
            UnsafeMutableRawBufferPointer(rebasing: target[start..<(start + value.count)]).copyBytes(from: value)
        }
    }
}
