import Ferry

extension ValueType {
    /// Whether a tensor of this shape fits.
    func accepts(_ shape: [Int]) -> Bool {
        shape.count == rank && zip(shape, self.shape).allSatisfy { Dimension.fixed($0).isCompatible(with: $1) }
    }

    /// The same type with the first axis free.
    var withAnyRowCount: ValueType { rank == 0 ? self : with(shape: [.batch] + shape.dropFirst()) }

    /// The shape under which a table [rows, columns] fits this type; nil where it fits as it is, or not at all.
    ///
    /// A line is a sample where its columns fill one. For samples [time, features], the lines can also be the steps of
    /// one sequence.
    func tableShape(rows: Int, columns: Int) -> [Int]? {
        guard rank != 2, rank > 0 else { return nil }
        let sample = shape.dropFirst().map(\.length)
        let known = sample.compactMap { $0 }.reduce(1, *)
        if !sample.contains(nil), known == columns { return [rows] + sample.compactMap { $0 } }
        if accepts([1, rows, columns]) { return [1, rows, columns] }
        guard sample.count(where: { $0 == nil }) == 1, known == 1 else { return nil }
        return [rows] + sample.map { $0 ?? columns }
    }
}
