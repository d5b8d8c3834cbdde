import FerryEngine
import OrderedCollections

/// What the header of a `.safetensors` file says of one tensor: `{"dtype": …, "shape": […], "data_offsets": […]}`.
struct SafetensorsEntry {
    let dtype: TorchDType
    let shape: [Int]
    /// The bytes behind the header.
    let range: Range<Int>

    /// Reads and checks the entry; `available` bytes follow the header.
    init(_ json: JSONValue, available: Int) throws {
        guard let members = json.objectValue, Set(members.keys) == ["dtype", "shape", "data_offsets"] else {
            throw FerryError(
                .damagedFile, found: "\(json.encoded().prefix(80))", expected: "dtype, shape and data_offsets")
        }
        let code = members["dtype"]?.stringValue ?? ""
        guard let dtype = TorchDType.bySafetensors[code] else {
            throw FerryError(
                .unsupported, found: "dtype '\(code)'",
                expected: "one of \(TorchDType.all.compactMap(\.safetensors).sorted().listed)")
        }
        guard let shape = members["shape"]?.lengths, let needed = (shape + [dtype.byteCount]).checkedProduct else {
            throw FerryError(.damagedFile, found: "shape \(members["shape"]?.encoded() ?? "")", expected: "lengths")
        }
        guard let offsets = members["data_offsets"]?.lengths, offsets.count == 2, offsets[0] <= offsets[1],
            offsets[1] <= available
        else {
            throw FerryError(
                .damagedFile, found: "data_offsets \(members["data_offsets"]?.encoded() ?? "")",
                expected: "a part of the \(available) bytes that follow the header")
        }
        guard offsets[1] - offsets[0] == needed else {
            throw FerryError(
                .damagedFile, found: "\(offsets[1] - offsets[0]) bytes",
                expected: "\(needed), which \(code) \(shape) needs")
        }
        (self.dtype, self.shape, range) = (dtype, shape, offsets[0]..<offsets[1])
    }

    /// The entry for a tensor whose elements begin at `start`.
    init(_ tensor: TorchTensor, from start: Int) throws {
        (dtype, shape) = (tensor.dtype, tensor.shape)
        range = start..<(start + tensor.bytes.count)
        guard dtype.safetensors != nil else {
            throw FerryError(
                .unsupported, found: "holds \(dtype.name), which safetensors has no name for",
                remedy: "write .pt instead")
        }
    }

    /// The entry as it stands in the header.
    var json: JSONValue {
        [
            "dtype": .string(dtype.safetensors ?? ""), "shape": .array(shape.map(JSONValue.int)),
            "data_offsets": [.int(range.lowerBound), .int(range.upperBound)],
        ]
    }
}

extension JSONValue {
    /// The elements where this is an array of integers that are not negative.
    fileprivate var lengths: [Int]? {
        guard let array = arrayValue else { return nil }
        let lengths = array.compactMap { element in
            if case .int(let length) = element, length >= 0 { length } else { nil }
        }
        return lengths.count == array.count ? lengths : nil
    }
}
