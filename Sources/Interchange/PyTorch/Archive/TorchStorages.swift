import FerryEngine
import OrderedCollections

/// The memory that the tensors of one `.pt` file lie in, and how they are taken out of it.
struct TorchStorages {
    /// The bytes of each storage, by its name in the file.
    private let contents: [String: [UInt8]]
    /// Whether the most significant byte of a number comes first.
    private let isBigEndian: Bool
    /// How many bytes may still be copied out: tensors may repeat parts of their storage, but not without end.
    private var allowance: Int

    init(_ contents: [String: [UInt8]], isBigEndian: Bool = false) {
        self.contents = contents
        self.isBigEndian = isBigEndian
        let total = contents.values.reduce(0) { $0 + $1.count }
        allowance = Self.freeBytes + Self.largestRepetition * total
    }

    private static let freeBytes = 64 << 20
    private static let largestRepetition = 16

    /// The tensors by their names, and which of them lie in the same memory.
    mutating func stateDict(_ views: [(name: String, view: TorchView)]) throws -> StateDict {
        var result = StateDict()
        var first: [TorchView: String] = [:]
        for (name, view) in views {
            try locating("tensor '\(name)'") {
                if let earlier = first[view], !view.shape.contains(0) {
                    result.tensors[name] = result.tensors[earlier]
                    result.ties[name] = earlier
                } else {
                    result.tensors[name] = try tensor(view)
                    first[view] = name
                }
            }
        }
        return result
    }

    private mutating func tensor(_ view: TorchView) throws -> TorchTensor {
        guard let bytes = contents[view.storage.key] else {
            throw FerryError(
                .damagedFile, found: "lies in memory '\(view.storage.key)', which the file lacks",
                remedy: "save or download it again")
        }
        let width = view.dtype.byteCount
        guard let span = view.span, span <= bytes.count / width else {
            throw FerryError(
                .damagedFile,
                found: "shape \(view.shape) from element \(view.offset) in memory of \(bytes.count) bytes",
                expected: "a tensor that fits into its memory")
        }
        let (needed, overflows) = view.shape.product.multipliedReportingOverflow(by: width)
        guard !overflows, needed <= allowance else {
            throw FerryError(
                .damagedFile, found: "the tensors repeat their memory many times over",
                expected: "at most \(Self.largestRepetition) times")
        }
        allowance -= needed
        var elements: [UInt8]
        if view.isContiguous {
            elements = Array(bytes[(view.offset * width)...].prefix(needed))
        } else {
            elements = bytes.gathered(view)
        }
        if isBigEndian { elements.reverseWords(of: view.dtype.wordLength) }
        return try TorchTensor(view.dtype, view.shape, elements)
    }
}

extension TorchView {
    /// Whether the elements lie one after another.
    fileprivate var isContiguous: Bool {
        var expected = 1
        for (length, stride) in zip(shape, strides).reversed() where length != 1 {
            guard stride == expected else { return shape.contains(0) }
            expected *= length
        }
        return true
    }
}

extension [UInt8] {
    /// The elements that a view reads, in row-major order; it has been checked against these bytes.
    fileprivate func gathered(_ view: TorchView) -> [UInt8] {
        let width = view.dtype.byteCount
        var result: [UInt8] = []
        result.reserveCapacity(view.shape.product * width)
        var index = view.shape.map { _ in 0 }
        var place = view.offset
        for _ in 0..<view.shape.product {
            result += self[(place * width)..<((place + 1) * width)]
            var axis = index.count - 1
            while axis >= 0 {
                index[axis] += 1
                place += view.strides[axis]
                if index[axis] < view.shape[axis] { break }
                place -= view.strides[axis] * view.shape[axis]
                index[axis] = 0
                axis -= 1
            }
        }
        return result
    }

    fileprivate mutating func reverseWords(of length: Int) {
        guard length > 1 else { return }
        for start in stride(from: 0, to: count - length + 1, by: length) { self[start..<(start + length)].reverse() }
    }
}
