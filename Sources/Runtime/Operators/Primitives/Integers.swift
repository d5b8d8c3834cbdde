package import FerryEngine

/// Integers that decide the shape of a result: known when the model is read, or the contents of an input.
package struct Integers: Sendable, Hashable {
    /// What is known of them, one dimension each; nil where not even their number is known.
    package var expected: [Dimension]?
    /// The input that holds them; nil where ``expected`` is all there is.
    package var slot: Int?

    /// Known integers; they may be negative.
    package static func known(_ values: [Int]) -> Integers {
        Integers(expected: values.map(Dimension.fixed), slot: nil)
    }

    /// The contents of input `slot`, of which `expected` is known beforehand.
    package static func input(_ slot: Int, expected: [Dimension]? = nil) -> Integers {
        Integers(expected: expected, slot: slot)
    }

    /// All of them, where they are known.
    package var values: [Int]? { expected?.lengths }

    /// The integers once the inputs are there.
    func callAsFunction(_ inputs: Slots<Signal>) throws -> [Int] {
        if let slot { return inputs[slot].tensor.ints }
        guard let values else { throw FerryError(.range, found: "integers that nobody supplies") }
        return values
    }

    /// How many there are, where that is known and no more than a tensor may have axes.
    func count(_ inputs: Slots<ValueType>) -> Int? {
        let count = expected?.count ?? slot.flatMap { inputs[$0].shape.productDimension.length }
        return count.flatMap { $0 <= largestRank ? $0 : nil }
    }
}

extension Optional<Integers> {
    /// The integers once the inputs are there; nil where they are left out.
    func callAsFunction(_ inputs: Slots<Signal>) throws -> [Int]? { try map { try $0(inputs) } }
}
