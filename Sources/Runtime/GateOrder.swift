public import FerryEngine

/// One of the functions that a recurrent cell computes from its input and its last output.
public enum Gate: String, Sendable, Hashable {
    case input, forget, cell, output
    case update, reset, new
}

/// The order in which a file, or Ferry, stacks the gates of a recurrent layer along one axis.
public struct GateOrder: Sendable, Hashable, ExpressibleByArrayLiteral {
    /// The gates from the first block to the last.
    public let gates: [Gate]

    /// The gates from the first block to the last.
    public init(arrayLiteral gates: Gate...) { self.gates = gates }

    /// Where to find the blocks of `other` in this order: block `i` of `other` is block `result[i]` of this.
    public func permutation(to other: GateOrder) -> [Int] {
        precondition(Set(gates) == Set(other.gates), "\(gates) and \(other.gates) are not the same gates")
        return other.gates.map { gate in gates.firstIndex(of: gate) ?? 0 }
    }

    /// `tensor`, whose `axis` stacks gates in this order, restacked in the order `other`.
    public func reorder(_ tensor: Tensor, axis: Int, to other: GateOrder) -> Tensor {
        guard self != other else { return tensor }
        let block = tensor.shape[axis] / gates.count
        let blocks = tensor.split(axis: axis, lengths: gates.map { _ in block })
        return .concatenated(permutation(to: other).map { blocks[$0] }, axis: axis)
    }
}
