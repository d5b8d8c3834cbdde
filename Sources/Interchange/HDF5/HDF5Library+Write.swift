import CHDF5
import FerryEngine
import OrderedCollections

/// Writing a value into an open file, with the types and layouts that Keras writes through h5py.
extension HDF5Library {
    /// Fills a new group, which lies at `path` of its file.
    func write(_ group: HDF5Group, into handle: borrowing HDF5Handle, at path: String) throws {
        try inside(path) { try write(group.attributes, to: handle) }
        for (name, dataset) in group.datasets {
            try inside(path.appending(member: name)) { try write(dataset, named: name, into: handle) }
        }
        for (name, inner) in group.groups {
            let path = path.appending(member: name)
            let made = try inside(path) {
                guard group.datasets[name] == nil else { throw Self.refused("is a group and a dataset") }
                return try makeGroup(named: name, in: handle)
            }
            try write(inner, into: made, at: path)
        }
    }

    private func makeGroup(named name: String, in group: borrowing HDF5Handle) throws -> HDF5Handle {
        try checkMember(name)
        let none = ferry_h5p_default()
        return try own(H5Gcreate2(group.id, name, none, none, none), H5Gclose)
    }

    private func write(_ dataset: HDF5Dataset, named name: String, into group: borrowing HDF5Handle) throws {
        try checkMember(name)
        let none = ferry_h5p_default()
        let plan = try own(H5Pcreate(ferry_h5p_dataset_create()), H5Pclose)
        // The time would make the bytes differ from one writing to the next.
        try check(H5Pset_obj_track_times(plan.id, false))
        try withElements(of: dataset.content) { type, shape, bytes in
            let space = try space(shape)
            let made = try own(H5Dcreate2(group.id, name, type, space.id, none, plan.id, none), H5Dclose)
            if let base = bytes.baseAddress, !bytes.isEmpty {
                try check(H5Dwrite(made.id, type, ferry_h5s_all(), ferry_h5s_all(), none, base))
            }
            try write(dataset.attributes, to: made)
        }
    }

    private func write(
        _ attributes: OrderedDictionary<String, HDF5Attribute>, to object: borrowing HDF5Handle
    ) throws {
        for (name, attribute) in attributes {
            try inside("attribute '\(name)'") {
                guard !name.isEmpty, !name.utf8.contains(0) else { throw Self.refused("has no possible name") }
                switch attribute {
                case .string(let text): try write(text, named: name, to: object)
                case .strings(let texts): try write(.strings(texts, shape: [texts.count]), named: name, to: object)
                case .tensor(let tensor): try write(.tensor(tensor), named: name, to: object)
                case .unsupported(let kind): throw Self.refused("holds \(kind)")
                }
            }
        }
    }

    private func write(_ content: HDF5Dataset.Content, named name: String, to object: borrowing HDF5Handle) throws {
        try withElements(of: content) { type, shape, bytes in
            guard bytes.count <= HDF5Attribute.largestByteCount else {
                throw FerryError(
                    .range, found: "holds \(bytes.count) bytes",
                    expected: "HDF5 attributes hold at most \(HDF5Attribute.largestByteCount)")
            }
            let space = try space(shape)
            let made = try makeAttribute(named: name, type, space, on: object)
            if let base = bytes.baseAddress, !bytes.isEmpty { try check(H5Awrite(made.id, type, base)) }
        }
    }

    /// One text lies outside the object's header, so it may have any length.
    private func write(_ text: String, named name: String, to object: borrowing HDF5Handle) throws {
        guard !text.utf8.contains(0) else { throw Self.refused("holds a text with a zero character") }
        let type = try textType(size: nil, isASCII: text.isASCII)
        let made = try makeAttribute(named: name, type.id, try space([]), on: object)
        try text.withCString { characters in
            var pointer: UnsafePointer<CChar>? = characters
            try check(H5Awrite(made.id, type.id, &pointer))
        }
    }

    private func makeAttribute(
        named name: String, _ type: hid_t, _ space: borrowing HDF5Handle, on object: borrowing HDF5Handle
    ) throws -> HDF5Handle {
        let none = ferry_h5p_default()
        return try own(H5Acreate2(object.id, name, type, space.id, none, none), H5Aclose)
    }

    private func withElements(
        of content: HDF5Dataset.Content,
        _ body: (_ type: hid_t, _ shape: [Int], _ bytes: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        switch content {
        case .tensor(let tensor):
            let type = try type(of: tensor.dtype)
            try tensor.withUnsafeBytes { try body(type.id, tensor.shape, $0) }
        case .strings(let texts, let shape):
            guard texts.count == shape.checkedProduct else {
                throw FerryError(.shape, found: "\(texts.count) texts for the shape \(shape)")
            }
            let width = max(texts.map(\.utf8.count).max() ?? 0, 1)
            let type = try textType(size: width, isASCII: texts.allSatisfy(\.isASCII))
            try texts.flatMap { $0.utf8.padded(to: width) }.withUnsafeBytes { try body(type.id, shape, $0) }
        case .unsupported(let kind):
            throw Self.refused("holds \(kind)")
        }
    }

    private func space(_ shape: [Int]) throws -> HDF5Handle {
        guard shape.count <= Int(H5S_MAX_RANK) else {
            throw FerryError(.range, found: "has \(shape.count) axes", expected: "HDF5 allows \(H5S_MAX_RANK)")
        }
        let lengths = shape.map(hsize_t.init)
        let space = shape.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(shape.count), lengths, nil)
        return try own(space, H5Sclose)
    }

    private func checkMember(_ name: String) throws {
        guard !name.isEmpty, name != ".", !name.utf8.contains(0), !name.contains("/") else {
            throw Self.refused("has no possible name", expected: "names are not empty and contain no slash")
        }
    }

    private static func refused(_ found: String, expected: String? = nil) -> FerryError {
        FerryError(.unsupported, found: found, expected: expected ?? "HDF5 files cannot be written so")
    }
}

extension String {
    fileprivate var isASCII: Bool { utf8.allSatisfy { $0 < 0x80 } }
}

extension String.UTF8View {
    fileprivate func padded(to width: Int) -> [UInt8] { self + [UInt8](repeating: 0, count: width - count) }
}
