public import FerryEngine

/// A tensor of a state dict as its bytes: contiguous, row-major, little-endian.
///
/// Types that Ferry does not compute with, such as `float8_e5m2` or `complex64`, are carried all the same.
public struct TorchTensor: Sendable, Hashable {
    /// The type of the elements.
    public let dtype: TorchDType
    /// The length of each axis.
    public let shape: [Int]
    /// The elements.
    public let bytes: [UInt8]

    /// A tensor from its parts.
    ///
    /// - Throws: ``FerryError/Code/damagedFile`` where the bytes are not exactly those that the shape needs.
    init(_ dtype: TorchDType, _ shape: [Int], _ bytes: [UInt8]) throws {
        guard (shape + [dtype.byteCount]).checkedProduct == bytes.count else {
            throw FerryError(
                .damagedFile, found: "\(bytes.count) bytes", expected: "those of \(dtype.name) \(shape)")
        }
        (self.dtype, self.shape, self.bytes) = (dtype, shape, bytes)
    }

    /// A tensor that Ferry computes with.
    public init(_ tensor: Tensor) {
        dtype = TorchDType(tensor.dtype)
        shape = tensor.shape
        bytes = tensor.withUnsafeBytes { [UInt8]($0) }
    }

    /// The tensor to compute with.
    ///
    /// - Throws: ``FerryError/Code/dtype`` where Ferry only carries such elements.
    public func tensor() throws -> Tensor {
        guard let dtype = dtype.dtype else {
            throw FerryError(
                .dtype, found: "holds \(dtype.name)", expected: "numbers that Ferry computes with",
                remedy: "convert it to float32 in PyTorch")
        }
        var result = try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: shape, dtype: dtype) }
        // Any other byte than 0 and 1 is no Swift Bool.
        if dtype == .bool { result.withUnsafeMutableBytes { for i in $0.indices where $0[i] > 1 { $0[i] = 1 } } }
        return result
    }
}
