import CHDF5
import FerryEngine
import OrderedCollections

/// A file that is being read.
struct HDF5File {
    /// What it may still claim.
    var budget: HDF5Budget
    /// Its texts of various lengths.
    var heap: HDF5GlobalHeap
}

/// Walking a file from its root.
extension HDF5Library {
    /// Everything in the file with these bytes.
    func readFile(_ bytes: UnsafeRawBufferPointer) throws -> HDF5Group {
        let image = try openImage(bytes)
        let plan = try own(H5Fget_create_plist(image.id), H5Pclose)
        var (addressSize, lengthSize) = (0, 0)
        try check(H5Pget_sizes(plan.id, &addressSize, &lengthSize))
        var file = HDF5File(
            budget: HDF5Budget(fileSize: bytes.count),
            heap: try HDF5GlobalHeap(of: bytes, addressSize: addressSize, lengthSize: lengthSize))

        let root = try root(of: image)
        try allowReferences()
        defer { disallowReferences() }
        return try readGroup(root, at: "", depth: 0, &file)
    }

    /// Everything in a group, which lies at `path` of its file.
    private func readGroup(
        _ handle: borrowing HDF5Handle, at path: String, depth: Int, _ file: inout HDF5File
    ) throws -> HDF5Group {
        var group = HDF5Group()
        group.attributes = try inside(path) { try readAttributes(of: handle, &file) }
        for link in try inside(path, { try links(in: handle) }) {
            let name = link.name.text
            let inner = path.appending(member: name)
            let object = try inside(inner) {
                guard group.groups[name] == nil, group.datasets[name] == nil else { throw HDF5Refusal.repeated }
                try file.budget.visit(depth: depth + 1)
                return try open(link, in: handle)
            }
            switch H5Iget_type(object.id) {
            case H5I_GROUP:
                group.groups[name] = try readGroup(object, at: inner, depth: depth + 1, &file)
            case H5I_DATASET:
                group.datasets[name] = try inside(inner) { try readDataset(object, &file) }
            default:
                // A named type, which other objects refer to by themselves.
                continue
            }
        }
        return group
    }

    /// A dataset with its attributes.
    private func readDataset(_ handle: borrowing HDF5Handle, _ file: inout HDF5File) throws -> HDF5Dataset {
        HDF5Dataset(
            try datasetContent(of: handle, &file), attributes: try readAttributes(of: handle, &file))
    }

    /// The attributes of a group or a dataset.
    private func readAttributes(
        of object: borrowing HDF5Handle, _ file: inout HDF5File
    ) throws -> OrderedDictionary<String, HDF5Attribute> {
        var attributes: OrderedDictionary<String, HDF5Attribute> = [:]
        for name in try attributeNames(of: object) {
            try inside("attribute '\(name.text)'") {
                guard attributes[name.text] == nil else { throw HDF5Refusal.repeated }
                let attribute = try own(H5Aopen(object.id, name.characters, ferry_h5p_default()), H5Aclose)
                attributes[name.text] = try attributeValue(of: attribute, &file)
            }
        }
        return attributes
    }

    private func open(_ link: HDF5Link, in group: borrowing HDF5Handle) throws -> HDF5Handle {
        switch link.kind {
        case H5L_TYPE_HARD:
            return try own(H5Oopen(group.id, link.name.characters, ferry_h5p_default()), H5Oclose)
        case H5L_TYPE_SOFT: throw HDF5Refusal.link("is a soft link")
        case H5L_TYPE_EXTERNAL: throw HDF5Refusal.link("is a link to another file")
        default: throw HDF5Refusal.link("is a link of an unknown kind")
        }
    }
}
