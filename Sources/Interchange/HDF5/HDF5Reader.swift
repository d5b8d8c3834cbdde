import FerryEngine
import OrderedCollections

/// Reads a file of those structures that h5py and Keras use, without libhdf5.
///
/// Every length, offset and count is checked against the bytes that are there, and what a file claims against its
/// size, before memory is taken. What is sound and not known here is an ``HDF5Unknown``.
struct HDF5Reader {
    let image: HDF5Image
    var heap: HDF5GlobalHeap
    var budget: HDF5Budget

    /// Everything in the file with these bytes.
    static func read(_ bytes: UnsafeRawBufferPointer) throws -> HDF5Group {
        let superblock = try HDF5Superblock(of: bytes)
        let image = superblock.image
        let heap = try HDF5GlobalHeap(of: bytes, addressSize: image.addressSize, lengthSize: image.lengthSize)
        var reader = HDF5Reader(image: image, heap: heap, budget: HDF5Budget(fileSize: bytes.count))
        let root = try reader.header(at: superblock.root)
        guard root.isGroup else { throw HDF5Damage.error("the root is no group") }
        return try reader.group(root, at: "", depth: 0)
    }

    private mutating func header(at address: Int) throws -> HDF5ObjectHeader {
        let header = try HDF5ObjectHeader(at: address, in: image)
        try budget.spend(header.byteCount)
        return header
    }

    /// Everything in a group, which lies at `path` of its file.
    private mutating func group(_ header: HDF5ObjectHeader, at path: String, depth: Int) throws -> HDF5Group {
        var group = HDF5Group()
        group.attributes = try Self.inside(path) { try attributes(of: header) }
        for link in try Self.inside(path, { try links(of: header) }) {
            let name = String(decoding: link.name, as: UTF8.self)
            let inner = path.appending(member: name)
            let object = try Self.inside(inner) {
                guard group.groups[name] == nil, group.datasets[name] == nil else { throw HDF5Refusal.repeated }
                try budget.visit(depth: depth + 1)
                return try self.header(at: try link.target.address)
            }
            if object.isGroup {
                group.groups[name] = try self.group(object, at: inner, depth: depth + 1)
            } else if object.isDataset {
                group.datasets[name] = try Self.inside(inner) { try dataset(object) }
            } else if !object.contains(.datatype) {
                // A named type, to which other objects refer by themselves, would be left out.
                throw HDF5Damage.error("'\(name)' is no group, dataset or type")
            }
        }
        return group
    }

    /// The members of a group: in the order of their making where the file counts it, else by name.
    private func links(of header: HDF5ObjectHeader) throws -> [HDF5MemberLink] {
        if let table = try header.first(.symbolTable) { return try HDF5SymbolTable(table).links.sortedByName }
        let index = try header.first(.linkInfo).map { try HDF5MemberIndex($0, orderSize: 8) }
        var links = try header.messages.filter { $0.kind == .link }.map { try HDF5MemberLink($0.body) }
        if let index { links += try index.links() }
        return index?.tracksOrder == true ? links.sorted { $0.order < $1.order } : links.sortedByName
    }

    /// A dataset with its attributes.
    private mutating func dataset(_ header: HDF5ObjectHeader) throws -> HDF5Dataset {
        HDF5Dataset(try content(of: header), attributes: try attributes(of: header))
    }

    /// The attributes of an object, in the order of their making where the file counts it, else by name.
    private mutating func attributes(
        of header: HDF5ObjectHeader
    ) throws -> OrderedDictionary<String, HDF5Attribute> {
        var found = try header.messages.filter { $0.kind == .attribute }.map { message in
            let body = message.isShared ? try HDF5ObjectHeader.shared(message.body, .attribute) : message.body
            return (order: message.order, attribute: try HDF5StoredAttribute(body))
        }
        if let info = try header.first(.attributeInfo) {
            let index = try HDF5MemberIndex(info, orderSize: 2)
            found += try index.attributes().map { ($0.order, try HDF5StoredAttribute($0.message)) }
        }
        if header.tracksAttributeOrder {
            found.sort { $0.order < $1.order }
        } else {
            found.sort { $0.attribute.sortKey.lexicographicallyPrecedes($1.attribute.sortKey) }
        }
        var attributes: OrderedDictionary<String, HDF5Attribute> = [:]
        for (_, attribute) in found {
            try budget.spend(attribute.elements.count)
            try Self.inside("attribute '\(attribute.name)'") {
                guard attributes[attribute.name] == nil else { throw HDF5Refusal.repeated }
                attributes[attribute.name] = try value(of: attribute)
            }
        }
        return attributes
    }

    /// Calls `body` and adds the path of a group, a dataset or an attribute to what it throws.
    static func inside<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as FerryError where !path.isEmpty {
            throw error.located(in: path.shortened)
        }
    }
}

extension HDF5ObjectHeader {
    /// The same questions in the same order as libhdf5 asks them.
    fileprivate var isGroup: Bool { contains(.symbolTable) || contains(.linkInfo) }
    fileprivate var isDataset: Bool { contains(.datatype) && contains(.dataspace) }
}

extension HDF5MemberLink.Target {
    /// Where the object's header is.
    fileprivate var address: Int {
        get throws {
            switch self {
            case .object(let address): return address
            case .soft: throw HDF5Refusal.link("is a soft link")
            case .external: throw HDF5Refusal.link("is a link to another file")
            case .other: throw HDF5Refusal.link("is a link of an unknown kind")
            }
        }
    }
}

extension [HDF5MemberLink] {
    fileprivate var sortedByName: Self { sorted { $0.name.lexicographicallyPrecedes($1.name) } }
}
