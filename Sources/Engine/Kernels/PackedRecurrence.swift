/// A recurrent cell whose weights are laid out for the kernels.
package protocol PackedRecurrence: Sendable {
    /// The length of h, and of c where the cell has one.
    var units: Int { get }
    /// The input's share of the cell.
    var projection: PackedProjection { get }
    /// Whether the cell has a second state c.
    var hasCellState: Bool { get }
    /// How many numbers of scratch a step needs for each row.
    var scratchPerRow: Int { get }
    /// Computes h, and c, of one time step.
    func step(_ step: RecurrentStep)
}

/// One time step over a batch of rows; all matrices are [rows, …], strides are numbers between rows.
package struct RecurrentStep {
    /// The number of independent sequences.
    package var rows: Int
    /// Where the input's share of the step comes from.
    package var input: Input
    /// h of the step before, [rows, units].
    package var previousH: UnsafePointer<Float>
    /// Numbers between rows of `previousH`.
    package var previousHStride: Int
    /// Where h goes, [rows, units]; must not overlap `previousH`.
    package var h: UnsafeMutablePointer<Float>
    /// Numbers between rows of `h`.
    package var hStride: Int
    /// c of the step before, [rows, units] without gaps; nil where the cell has none.
    package var previousC: UnsafePointer<Float>?
    /// Where c goes; may be `previousC`.
    package var c: UnsafeMutablePointer<Float>?
    /// ``PackedRecurrence/scratchPerRow`` · rows numbers.
    package var scratch: UnsafeMutablePointer<Float>

    /// The input's share of a step.
    package enum Input {
        /// x·W + b, computed before by ``PackedProjection/project(rows:_:stride:into:stride:)``.
        case projected(UnsafePointer<Float>, stride: Int)
        /// x [rows, features], which the step itself multiplies.
        case raw(UnsafePointer<Float>, stride: Int)
    }

    /// A step from its parts.
    package init(
        rows: Int, input: Input, previousH: UnsafePointer<Float>, previousHStride: Int,
        h: UnsafeMutablePointer<Float>, hStride: Int, previousC: UnsafePointer<Float>?,
        c: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>
    ) {
        self.rows = rows
        self.input = input
        self.previousH = previousH
        self.previousHStride = previousHStride
        self.h = h
        self.hStride = hStride
        self.previousC = previousC
        self.c = c
        self.scratch = scratch
    }
}
