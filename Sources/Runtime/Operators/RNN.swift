public import FerryEngine

/// Runs one or several cells above each other at every time step (`RNN` and `StackedRNNCells` of Keras).
///
/// Inputs: x [batch, time, features], then optionally the states of all cells [batch, units]. Outputs: those of the
/// last cell, [batch, time, units] or [batch, units], then the states of all cells where states are returned.
public struct RNN: RecurrentOperator {
    public static let kind = "RNN"

    /// The cells from the lowest to the highest, as the layers that run them alone; their options do not count.
    public var cells: [any RecurrentOperator]
    public var options = RecurrentOptions()
    /// Whether Keras has the cells in a `StackedRNNCells`, as it must where there are several.
    public var isStacked: Bool

    /// Cells from the lowest to the highest; there must be one.
    public init(_ cells: [any RecurrentOperator], isStacked: Bool? = nil) {
        self.cells = cells
        self.isStacked = isStacked ?? (cells.count > 1)
    }

    public var stateSizes: [Int] { cells.flatMap(\.stateSizes) }
    public var outputSize: Int { cells.last?.outputSize ?? 0 }

    /// Those of each cell, as `cell/kernel`, or `cell_1/kernel` in a stack.
    public func parameterSpecs(for inputs: Slots<ValueType>) throws -> [ParameterSpec] {
        var specs: [ParameterSpec] = []
        var type = inputs[0]
        for (position, cell) in cells.enumerated() {
            specs += try cell.parameterSpecs(for: Slots([type])).map { $0.scoped(to: scope(position)) }
            type = type.with(shape: type.shape.dropLast() + [.fixed(cell.outputSize)])
        }
        return specs
    }

    public func cell(_ parameters: ParameterSet) throws -> any RecurrentCell {
        StackedCell(
            cells: try cells.enumerated().map { try $1.cell(parameters.scoped(to: scope($0))) },
            stateCounts: cells.map(\.stateSizes.count))
    }

    public func prepare(_ parameters: ParameterSet, _ packing: Packing) throws -> any PreparedOperator {
        guard cells.count == 1, var single = cells.first else {
            return PlainOperator(operation: self, parameters: parameters)
        }
        single.options = options
        return try single.prepare(parameters.scoped(to: scope(0)), packing)
    }

    /// The name under which the parameters of a cell are kept.
    package func scope(_ position: Int) -> String { isStacked ? "cell_\(position)" : "cell" }
}

/// One step of several cells, each fed with the output of the one below.
private struct StackedCell: RecurrentCell {
    let cells: [any RecurrentCell]
    let stateCounts: [Int]

    func stateShapes(batch: Int) -> [[Int]] { cells.flatMap { $0.stateShapes(batch: batch) } }

    func step(_ x: Tensor, _ states: [Tensor]) throws -> (output: Tensor, states: [Tensor]) {
        var output = x
        var next: [Tensor] = []
        for (cell, count) in zip(cells, stateCounts) {
            let result = try cell.step(output, Array(states[next.count..<(next.count + count)]))
            output = result.output
            next += result.states
        }
        return (output, next)
    }
}
