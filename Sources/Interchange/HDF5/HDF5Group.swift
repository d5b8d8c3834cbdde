package import FerryEngine
package import OrderedCollections

/// A group of an HDF5 file, or the file itself, with everything below it, as a value.
///
/// Members keep the order of the file: the order of creation where the file tracks it, else that of their names. A
/// written file does not track it, as Keras's do not; equality disregards it.
package struct HDF5Group: Sendable {
    /// Small values about the group itself.
    package var attributes: OrderedDictionary<String, HDF5Attribute>
    /// The groups directly inside.
    package var groups: OrderedDictionary<String, HDF5Group>
    /// The datasets directly inside.
    package var datasets: OrderedDictionary<String, HDF5Dataset>

    /// A group with these members.
    package init(
        attributes: OrderedDictionary<String, HDF5Attribute> = [:],
        groups: OrderedDictionary<String, HDF5Group> = [:],
        datasets: OrderedDictionary<String, HDF5Dataset> = [:]
    ) {
        self.attributes = attributes
        self.groups = groups
        self.datasets = datasets
    }

    /// The group at a path such as `model_weights/lstm`; the group itself for an empty path.
    package func group(at path: String) -> HDF5Group? {
        path.split(separator: "/").reduce(Optional(self)) { $0?.groups[String($1)] }
    }

    /// The dataset at a path such as `cell/vars/0`.
    package func dataset(at path: String) -> HDF5Dataset? {
        let parts = path.split(separator: "/")
        guard let name = parts.last else { return nil }
        return group(at: parts.dropLast().joined(separator: "/"))?.datasets[String(name)]
    }

    /// Puts a dataset at a path and makes the groups on the way.
    package mutating func insert(_ dataset: HDF5Dataset, at path: String) {
        let parts = path.split(separator: "/")
        precondition(!parts.isEmpty, "a dataset needs a name")
        update(parts.dropLast()) { $0.datasets[String(parts[parts.count - 1])] = dataset }
    }

    /// Changes the group at a path, which is made where it is not there.
    package mutating func update(groupAt path: String, _ body: (inout HDF5Group) throws -> Void) rethrows {
        try update(path.split(separator: "/")[...], body)
    }

    private mutating func update(
        _ path: ArraySlice<Substring>, _ body: (inout HDF5Group) throws -> Void
    ) rethrows {
        guard let first = path.first else { return try body(&self) }
        try groups[String(first), default: HDF5Group()].update(path.dropFirst(), body)
    }
}

/// A small value attached to a group or a dataset.
package enum HDF5Attribute: Sendable, Equatable {
    /// One text.
    case string(String)
    /// An array of texts, in row-major order.
    case strings([String])
    /// Numbers or booleans; a single one has shape `[]`.
    case tensor(Tensor)
    /// Something that Ferry does not read, named.
    case unsupported(String)
}

/// An array of an HDF5 file with its attributes.
package struct HDF5Dataset: Sendable {
    /// The elements.
    package enum Content: Sendable, Equatable {
        /// Numbers or booleans.
        case tensor(Tensor)
        /// Texts in row-major order.
        case strings([String], shape: [Int])
        /// Something that Ferry does not read, named.
        case unsupported(String)
    }

    /// The elements.
    package var content: Content
    /// Small values about the dataset.
    package var attributes: OrderedDictionary<String, HDF5Attribute>

    /// A dataset of numbers or booleans.
    package init(_ tensor: Tensor, attributes: OrderedDictionary<String, HDF5Attribute> = [:]) {
        self.init(.tensor(tensor), attributes: attributes)
    }

    /// A dataset with any content.
    package init(_ content: Content, attributes: OrderedDictionary<String, HDF5Attribute> = [:]) {
        self.content = content
        self.attributes = attributes
    }

    /// The elements, where they are numbers or booleans.
    package var tensor: Tensor {
        get throws {
            switch content {
            case .tensor(let tensor): return tensor
            case .strings(_, let shape):
                throw FerryError(.dtype, found: "holds text \(shape)", expected: "needs numbers")
            case .unsupported(let kind):
                throw FerryError(.unsupported, found: "holds \(kind)", expected: "needs numbers")
            }
        }
    }
}

extension HDF5Group: Equatable {
    package static func == (a: HDF5Group, b: HDF5Group) -> Bool {
        a.attributes.hasMembers(of: b.attributes) && a.groups.hasMembers(of: b.groups)
            && a.datasets.hasMembers(of: b.datasets)
    }
}

extension HDF5Dataset: Equatable {
    package static func == (a: HDF5Dataset, b: HDF5Dataset) -> Bool {
        a.content == b.content && a.attributes.hasMembers(of: b.attributes)
    }
}

extension OrderedDictionary where Value: Equatable {
    fileprivate func hasMembers(of other: Self) -> Bool {
        count == other.count && allSatisfy { other[$0.key] == $0.value }
    }
}
