package import FerryEngine

/// The gradient of a table whose rows are looked up, before the parts that belong to one row are added up.
///
/// Keras 3 on TensorFlow hands it to optimisers like this (`tf.IndexedSlices`): an operation on single numbers, such as
/// the square in Adam, acts on the part of each lookup, and only then the parts of a row are summed.
package struct LookupGradient: Sendable {
    /// The row that each part belongs to.
    package var rows: [Int]
    /// The parts [lookups, size].
    package var parts: Tensor

    /// A gradient from its parts.
    package init(rows: [Int], parts: Tensor) {
        self.rows = rows
        self.parts = parts
    }

    /// The parts of two uses of one table.
    func joined(_ other: LookupGradient) -> LookupGradient {
        LookupGradient(rows: rows + other.rows, parts: .concatenated([parts, other.parts], axis: 0))
    }

    /// The same rows with other parts.
    func mapParts(_ transform: (Tensor) -> Tensor) -> LookupGradient {
        LookupGradient(rows: rows, parts: transform(parts))
    }

    /// The sum of `transform` of the parts, row by row, as a table of `shape`.
    func summed(_ shape: [Int], _ transform: (Float) -> Float = { $0 }) -> Tensor {
        let size = shape.last ?? 1
        return parts.withUnsafeElements { (parts: UnsafeBufferPointer<Float>) in
            Tensor(shape: shape, of: Float.self) { table in
                for (position, row) in rows.enumerated() {
                    for i in 0..<size { table[row * size + i] += transform(parts[position * size + i]) }
                }
            }
        }
    }
}
