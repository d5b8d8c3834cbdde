import CHDF5
import FerryEngine

/// Reading the elements of attributes and datasets.
extension HDF5Library {
    /// Reads elements of a memory type to an address.
    private typealias Read = (_ type: hid_t, _ target: UnsafeMutableRawPointer) throws -> Void

    /// The value of an attribute.
    func attributeValue(of attribute: borrowing HDF5Handle, _ file: inout HDF5File) throws -> HDF5Attribute {
        let type = try own(H5Aget_type(attribute.id), H5Tclose)
        let space = try own(H5Aget_space(attribute.id), H5Sclose)
        let elements = try elements(of: type)
        guard let shape = try shape(of: space) else { return HDF5Attribute(empty: elements) }

        let id = attribute.id
        let content = try content(elements, stored: type, shape, .contiguous, &file) { type, target in
            try check(H5Aread(id, type, target))
        }
        return HDF5Attribute(content)
    }

    /// The elements of a dataset.
    func datasetContent(of dataset: borrowing HDF5Handle, _ file: inout HDF5File) throws -> HDF5Dataset.Content {
        // First of all: asking a virtual dataset for its shape already opens the files that it draws from.
        let plan = try own(H5Dget_create_plist(dataset.id), H5Pclose)
        try refuseForeignStorage(plan)
        if let filter = try unknownFilter(plan) { return .unsupported("data compressed by '\(filter)'") }

        let type = try own(H5Dget_type(dataset.id), H5Tclose)
        let space = try own(H5Dget_space(dataset.id), H5Sclose)
        let elements = try elements(of: type)
        guard let shape = try shape(of: space) else { return HDF5Dataset.Content(empty: elements) }
        let layout = try layout(of: dataset, plan, rank: shape.count)

        let id = dataset.id
        return try content(elements, stored: type, shape, layout, &file) { type, target in
            try check(H5Dread(id, type, ferry_h5s_all(), ferry_h5s_all(), ferry_h5p_default(), target))
        }
    }

    private func content(
        _ elements: HDF5Elements, stored: borrowing HDF5Handle, _ shape: [Int],
        _ layout: HDF5Layout, _ file: inout HDF5File, read: Read
    ) throws -> HDF5Dataset.Content {
        if case .unsupported(let kind) = elements { return .unsupported(kind) }
        let memory = try memoryType(for: elements, stored: stored, referenceSize: file.heap.referenceSize)
        // As large as in the file: reading changes at most the order of an element's bytes.
        let size = H5Tget_size(memory.id)
        let count = try file.budget.claim(shape, elementSize: size)
        try file.budget.check(layout, of: shape, elementSize: size)
        if case .numbers(let dtype, _) = elements { return .tensor(try tensor(shape, dtype, memory, read)) }
        let bytes = try bytes(count * size, memory, read)
        guard elements == .texts(isVariable: true) else {
            return .strings(HDF5Elements.texts(bytes, of: size), shape: shape)
        }
        return .strings(try bytes.withUnsafeBytes { try file.heap.texts(of: $0) }, shape: shape)
    }

    private func tensor(
        _ shape: [Int], _ dtype: DType, _ memory: borrowing HDF5Handle, _ read: Read
    ) throws -> Tensor {
        var tensor = Tensor(zeros: shape, dtype: dtype)
        let type = memory.id
        try tensor.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
            try read(type, base)
            // Any other bit pattern is not a value of `Bool`.
            if dtype == .bool { for i in bytes.indices where bytes[i] > 1 { bytes[i] = 1 } }
        }
        return tensor
    }

    private func bytes(_ count: Int, _ memory: borrowing HDF5Handle, _ read: Read) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let type = memory.id
        try bytes.withUnsafeMutableBytes { if count > 0, let base = $0.baseAddress { try read(type, base) } }
        return bytes
    }

    /// The length of each axis, or nil for a space that is null.
    private func shape(of space: borrowing HDF5Handle) throws -> [Int]? {
        guard H5Sget_simple_extent_type(space.id) != H5S_NULL else { return nil }
        let rank = try check(H5Sget_simple_extent_ndims(space.id))
        return try dimensions(rank: Int(rank)) { H5Sget_simple_extent_dims(space.id, $0, nil) }
    }

    private func layout(
        of dataset: borrowing HDF5Handle, _ plan: borrowing HDF5Handle, rank: Int
    ) throws -> HDF5Layout {
        switch H5Pget_layout(plan.id) {
        case H5D_COMPACT:
            .compact(byteCount: Int(clamping: H5Dget_storage_size(dataset.id)))
        case H5D_CHUNKED:
            .chunked(try dimensions(rank: rank) { H5Pget_chunk(plan.id, Int32(rank), $0) })
        default: .contiguous
        }
    }

    private func dimensions(rank: Int, _ fill: (UnsafeMutablePointer<hsize_t>?) -> Int32) throws -> [Int] {
        var lengths = [hsize_t](repeating: 0, count: rank)
        try check(lengths.withUnsafeMutableBufferPointer { fill($0.baseAddress) })
        return try lengths.map { length in
            guard let length = Int(exactly: length) else {
                throw FerryError(.damagedFile, found: "claims the shape \(lengths)")
            }
            return length
        }
    }
}
