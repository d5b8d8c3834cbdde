import FerryEngine
import OrderedCollections

/// The bytes of a `.safetensors` file: eight bytes with the length of the header, a JSON header, the tensors.
///
/// The rules are those of the format's own description (huggingface/safetensors, "Format"): the header begins with
/// `{`, is at most 100 MB long and has no key twice; the tensors cover what follows without gap or overlap.
enum SafetensorsFile {
    private static let largestHeader = 100_000_000
    private static let metadataKey = "__metadata__"

    /// The tensors that the bytes of a file spell.
    static func decode(_ bytes: [UInt8]) throws -> StateDict {
        let (header, start) = try header(bytes)
        var result = StateDict()
        result.format = SafetensorsFormat.title
        var ranges: [(name: String, range: Range<Int>)] = []
        for (name, value) in header {
            if name == metadataKey {
                result.metadata = try locating(name) { try texts(value) }
                continue
            }
            try locating("tensor '\(name)'") {
                let entry = try SafetensorsEntry(value, available: bytes.count - start)
                ranges.append((name, entry.range))
                let elements = bytes[(start + entry.range.lowerBound)..<(start + entry.range.upperBound)]
                result.tensors[name] = try TorchTensor(entry.dtype, entry.shape, Array(elements))
            }
        }
        try checkCoverage(ranges, byteCount: bytes.count - start)
        result.producer = result.metadata["format"] == "pt" ? "PyTorch" : nil
        result.keepsModuleOrder = !isSorted(result.tensors)
        return result
    }

    private static func header(
        _ bytes: [UInt8]
    ) throws -> (OrderedDictionary<String, JSONValue>, start: Int) {
        guard bytes.count >= 8 else {
            throw FerryError(.damagedFile, found: "\(bytes.count) bytes", expected: "at least the header's length")
        }
        let length = bytes.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(largestHeader) else {
            throw FerryError(
                .damagedFile, at: ["header"], found: "claims \(length) bytes", expected: "at most \(largestHeader)")
        }
        let end = 8 + Int(length)
        guard end <= bytes.count else {
            throw FerryError(
                .damagedFile, at: ["header"], found: "claims \(length) bytes of a file of \(bytes.count)",
                expected: "a whole file", remedy: "save or download it again")
        }
        return try locating("header") {
            guard bytes[8..<end].first == UInt8(ascii: "{") else {
                throw FerryError(.damagedFile, found: "does not begin with '{'", expected: "a JSON object")
            }
            let json = try JSONValue(parsing: Array(bytes[8..<end]), duplicateKeys: .refused)
            return (json.objectValue ?? [:], end)
        }
    }

    private static func texts(_ json: JSONValue) throws -> OrderedDictionary<String, String> {
        guard let members = json.objectValue else {
            throw FerryError(.damagedFile, found: json.kind, expected: "an object of texts")
        }
        return try members.mapValues { value in
            guard let text = value.stringValue else {
                throw FerryError(.damagedFile, found: value.kind, expected: "texts only")
            }
            return text
        }
    }

    /// Refuses gaps, which could hide something, and overlaps.
    private static func checkCoverage(_ ranges: [(name: String, range: Range<Int>)], byteCount: Int) throws {
        var end = 0
        let ordered = ranges.sorted {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        for (name, range) in ordered {
            guard range.lowerBound == end else {
                throw FerryError(
                    .damagedFile, at: ["tensor '\(name)'"], found: "begins at byte \(range.lowerBound)",
                    expected: "byte \(end), where the one before ends")
            }
            end = range.upperBound
        }
        guard end == byteCount else {
            throw FerryError(
                .damagedFile, found: "\(byteCount) bytes follow the header",
                expected: "the \(end) bytes of the tensors",
                remedy: "save or download it again")
        }
    }

    /// Whether the tensors stand as the library sorts them: the wider type first, then by name.
    private static func isSorted(_ tensors: OrderedDictionary<String, TorchTensor>) -> Bool {
        zip(tensors, tensors.dropFirst()).allSatisfy { a, b in
            a.value.dtype == b.value.dtype
                ? Array(a.key.utf8).lexicographicallyPrecedes(Array(b.key.utf8))
                : a.value.dtype.byteCount >= b.value.dtype.byteCount
        }
    }
}

extension SafetensorsFile {
    /// The bytes of a file that holds the tensors.
    ///
    /// The header names them in their order; their elements stand by falling width, so that each is aligned.
    static func encode(_ stateDict: StateDict) throws -> [UInt8] {
        let tensors = stateDict.tensors
        let order = tensors.keys.enumerated().sorted { a, b in
            let (wide, narrow) = (tensors[a.element]?.dtype.byteCount ?? 0, tensors[b.element]?.dtype.byteCount ?? 0)
            return wide == narrow ? a.offset < b.offset : wide > narrow
        }.map(\.element)
        var starts: [String: Int] = [:]
        var end = 0
        for name in order {
            starts[name] = end
            end += tensors[name]?.bytes.count ?? 0
        }
        var metadata = stateDict.metadata
        if metadata["format"] == nil { metadata["format"] = "pt" }
        var header: OrderedDictionary<String, JSONValue> = [
            metadataKey: .object(metadata.mapValues(JSONValue.string))
        ]
        for (name, tensor) in tensors {
            header[name] = try locating("tensor '\(name)'") {
                guard name != metadataKey else {
                    throw FerryError(.unsupported, found: "has a name that means the texts")
                }
                return try SafetensorsEntry(tensor, from: starts[name] ?? 0).json
            }
        }
        var text = Array(JSONValue.object(header).encoded(separators: .compact).utf8)
        text += repeatElement(UInt8(ascii: " "), count: -text.count & 7)
        var bytes = UInt64(text.count).littleEndianBytes + text
        bytes.reserveCapacity(bytes.count + end)
        for name in order { bytes += tensors[name]?.bytes ?? [] }
        return bytes
    }
}
