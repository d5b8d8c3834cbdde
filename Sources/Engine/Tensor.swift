/// An n-dimensional array of one element type, row-major and contiguous; a value, copied on write.
public struct Tensor: Sendable {
    /// The length of each axis; empty for a scalar.
    public private(set) var shape: [Int]
    /// The type of the elements.
    public let dtype: DType
    private var storage: TensorStorage

    /// A tensor of zeros.
    public init(zeros shape: [Int], dtype: DType = .float32) {
        self.shape = shape
        self.dtype = dtype
        storage = TensorStorage(byteCount: shape.product * dtype.byteCount)
    }

    /// A tensor whose elements are `values` in row-major order; `values.count` must be the product of `shape`.
    public init<Element: TensorElement>(_ values: [Element], shape: [Int]) {
        precondition(values.count == shape.product, "\(values.count) values do not fill shape \(shape)")
        self.init(zeros: shape, dtype: Element.dtype)
        values.withUnsafeBytes { source in withUnsafeMutableBytes { $0.copyMemory(from: source) } }
    }

    /// A tensor with one axis.
    public init<Element: TensorElement>(_ values: [Element]) { self.init(values, shape: [values.count]) }

    /// A scalar tensor, shape `[]`.
    public init<Element: TensorElement>(scalar value: Element) { self.init([value], shape: []) }

    /// A tensor over a copy of `bytes`.
    ///
    /// - Throws: ``FerryError/Code/shape`` where the bytes are not exactly those that the shape needs.
    public init(bytes: UnsafeRawBufferPointer, shape: [Int], dtype: DType) throws {
        guard let needed = (shape + [dtype.byteCount]).checkedProduct, bytes.count == needed else {
            throw FerryError(
                .shape, found: "holds \(bytes.count) bytes",
                expected: "shape \(shape) of \(dtype.rawValue) needs another number")
        }
        self.init(zeros: shape, dtype: dtype)
        withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
    }

    /// A tensor whose memory `initialize` fills; the elements are zero before.
    public init<Element: TensorElement>(
        shape: [Int], of type: Element.Type, initialize: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) rethrows {
        self.init(zeros: shape, dtype: Element.dtype)
        try withUnsafeMutableElements(initialize)
    }

    /// The number of axes.
    public var rank: Int { shape.count }
    /// The number of elements.
    public var count: Int { shape.product }

    /// The same elements under another shape of the same count.
    public func reshaped(_ shape: [Int]) -> Tensor {
        precondition(shape.product == count, "cannot reshape \(self.shape) to \(shape)")
        var copy = self
        copy.shape = shape
        return copy
    }

    /// Calls `body` with the bytes of the elements.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeRawBufferPointer(start: storage.base, count: count * dtype.byteCount))
    }

    /// Calls `body` with the bytes of the elements, which nobody else sees.
    public mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        if !isKnownUniquelyReferenced(&storage) { storage = TensorStorage(copying: storage) }
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeMutableRawBufferPointer(start: storage.base, count: count * dtype.byteCount))
    }

    /// Calls `body` with the elements; `Element` must be this tensor's type.
    public func withUnsafeElements<Element: TensorElement, Result>(
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        precondition(Element.dtype == dtype, "tensor of \(dtype) read as \(Element.dtype)")
        return try withUnsafeBytes { try body($0.bindMemory(to: Element.self)) }
    }

    /// Calls `body` with the elements, which nobody else sees; `Element` must be this tensor's type.
    public mutating func withUnsafeMutableElements<Element: TensorElement, Result>(
        _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        precondition(Element.dtype == dtype, "tensor of \(dtype) written as \(Element.dtype)")
        return try withUnsafeMutableBytes { try body($0.bindMemory(to: Element.self)) }
    }

    /// The elements in row-major order; `Element` must be this tensor's type.
    public func elements<Element: TensorElement>(_ type: Element.Type = Element.self) -> [Element] {
        withUnsafeElements { Array($0) }
    }

    /// The elements converted to float32, in row-major order.
    public var floats: [Float] { cast(to: .float32).elements() }

    /// The elements converted to `Int`, in row-major order.
    public var ints: [Int] { cast(to: .int64).elements(Int64.self).map(Int.init) }
}

extension Tensor: Equatable {
    /// Equal types, shapes and bits; NaN equals the same NaN, and 0 differs from −0.
    public static func == (a: Tensor, b: Tensor) -> Bool {
        guard a.dtype == b.dtype, a.shape == b.shape else { return false }
        return a.withUnsafeBytes { x in b.withUnsafeBytes { y in x.elementsEqual(y) } }
    }
}

/// Memory of a tensor, aligned for the widest vector registers.
// Only a uniquely referenced storage is ever written, see `withUnsafeMutableBytes`.
private final class TensorStorage: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
        self.byteCount = byteCount
        base = .allocate(byteCount: Swift.max(byteCount, 1), alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    convenience init(copying other: TensorStorage) {
        self.init(byteCount: other.byteCount)
        base.copyMemory(from: other.base, byteCount: byteCount)
    }

    deinit { base.deallocate() }
}

extension [Int] {
    /// The product of the elements; 1 where there are none, and 2⁵⁶ for all beyond, which no memory holds.
    public var product: Int {
        reduce(1) { product, length in
            let (result, overflow) = product.multipliedReportingOverflow(by: length)
            return overflow || result > 1 << 56 ? 1 << 56 : result
        }
    }

    /// The product of the elements, or nil where one is negative or the product overflows.
    public var checkedProduct: Int? {
        var result = 1
        for length in self {
            let (product, overflow) = result.multipliedReportingOverflow(by: length)
            guard length >= 0, !overflow else { return nil }
            result = product
        }
        return result
    }

    /// How many elements apart two neighbours along each axis lie in row-major order.
    public var rowMajorStrides: [Int] {
        var strides = self
        var stride = 1
        for axis in indices.reversed() {
            strides[axis] = stride
            stride *= self[axis]
        }
        return strides
    }
}
