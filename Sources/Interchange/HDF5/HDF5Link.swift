import CHDF5
import FerryEngine

/// A name as it stands in the file, which need not be UTF-8.
struct HDF5Name {
    /// The bytes with a zero at the end, which find the object.
    let characters: [CChar]

    init(_ pointer: UnsafePointer<CChar>) {
        var count = 0
        while pointer[count] != 0 { count += 1 }
        characters = Array(UnsafeBufferPointer(start: pointer, count: count + 1))
    }

    /// The name for people; what is not UTF-8 is replaced.
    var text: String { String(decoding: characters.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) }
}

/// A member of a group, before it is opened.
struct HDF5Link {
    let name: HDF5Name
    let kind: H5L_type_t
}

extension HDF5Library {
    /// The members of a group: in the order of creation where the file tracks it, else by name.
    func links(in group: borrowing HDF5Handle) throws -> [HDF5Link] {
        let plan = try own(H5Gget_create_plist(group.id), H5Pclose)
        var order: UInt32 = 0
        try check(H5Pget_link_creation_order(plan.id, &order))

        var links: [HDF5Link] = []
        var position: hsize_t = 0
        let id = group.id
        try check(
            withUnsafeMutablePointer(to: &links) { context in
                ferry_h5l_iterate(
                    id, Self.index(order), &position,
                    { _, name, info, context in
                        guard let name, let info, let context else { return 0 }
                        let links = context.assumingMemoryBound(to: [HDF5Link].self)
                        links.pointee.append(HDF5Link(name: HDF5Name(name), kind: info.pointee.type))
                        // A positive answer ends the walk; the reader then refuses the file for its length.
                        return links.pointee.count > 1_000_000 ? 1 : 0
                    }, context)
            })
        return links
    }

    /// The names of an object's attributes, in the same order.
    func attributeNames(of object: borrowing HDF5Handle) throws -> [HDF5Name] {
        let isDataset = H5Iget_type(object.id) == H5I_DATASET
        let plan = try own(isDataset ? H5Dget_create_plist(object.id) : H5Gget_create_plist(object.id), H5Pclose)
        var order: UInt32 = 0
        try check(H5Pget_attr_creation_order(plan.id, &order))

        var names: [HDF5Name] = []
        var position: hsize_t = 0
        let id = object.id
        try check(
            withUnsafeMutablePointer(to: &names) { context in
                H5Aiterate2(
                    id, Self.index(order), H5_ITER_INC, &position,
                    { _, name, _, context in
                        guard let name, let context else { return 0 }
                        context.assumingMemoryBound(to: [HDF5Name].self).pointee.append(HDF5Name(name))
                        return 0
                    }, context)
            })
        return names
    }

    private static func index(_ order: UInt32) -> H5_index_t {
        order & UInt32(H5P_CRT_ORDER_TRACKED) != 0 ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME
    }
}
