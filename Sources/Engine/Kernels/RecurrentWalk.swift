internal import CKernels

/// A packed recurrence over whole sequences: the shapes, and where its numbers lie.
///
/// Strides are numbers of elements.
package struct RecurrentWalk {
    /// What runs.
    package let recurrence: PackedRecurrence
    /// The number of sequences.
    package let batch: Int
    /// The number of steps.
    package let time: Int
    /// Where rows and time steps of x [batch, time, features] begin.
    package var input: Strides
    /// Where rows and time steps of the mask [batch, time] begin; nil without one.
    package var mask: Strides?
    /// Where rows and time steps of the output [batch, time, units] begin; a time stride of 0 keeps only the last one.
    package var output: Strides
    /// Whether time runs from the last step to the first.
    package var goBackwards = false
    /// Whether a masked step puts out zeros and not the last output again.
    package var zeroOutputForMask = false
    /// Whether masked steps before the first that counts put out the initial state and not zeros.
    package var beginsWithState = false
    /// Threads that share the work.
    var team: KernelTeam?

    /// How far apart neighbours along the two axes lie.
    package struct Strides: Sendable {
        package var row: Int
        package var time: Int
        /// Strides from their parts.
        package init(row: Int, time: Int) {
            self.row = row
            self.time = time
        }
    }

    /// A walk over the given shapes.
    package init(
        _ recurrence: PackedRecurrence, batch: Int, time: Int, input: Strides, mask: Strides? = nil, output: Strides
    ) {
        self.recurrence = recurrence
        self.batch = batch
        self.time = time
        self.input = input
        self.mask = mask
        self.output = output
    }

    /// Where a walk finds its numbers.
    package struct Memory {
        package var x: UnsafePointer<Float>
        package var mask: UnsafePointer<Bool>?
        /// Written; nil where only the states are wanted.
        package var output: UnsafeMutablePointer<Float>?
        /// The states [batch, units]: before the first step, then after the last.
        package var h: UnsafeMutablePointer<Float>
        package var c: UnsafeMutablePointer<Float>?
        /// ``RecurrentWalk/workspaceCount`` floats, aligned to 64 bytes.
        package var workspace: UnsafeMutablePointer<Float>

        /// Memory from its parts.
        package init(
            x: UnsafePointer<Float>, mask: UnsafePointer<Bool>?, output: UnsafeMutablePointer<Float>?,
            h: UnsafeMutablePointer<Float>, c: UnsafeMutablePointer<Float>?, workspace: UnsafeMutablePointer<Float>
        ) {
            self.x = x
            self.mask = mask
            self.output = output
            self.h = h
            self.c = c
            self.workspace = workspace
        }
    }

    /// How many floats it works in.
    package var workspaceCount: Int {
        // Only whether there is a mask counts here; it is not read.
        let mask = mask == nil ? nil : UnsafePointer<UInt8>(bitPattern: 1)
        return withUnsafePointer(to: sequence(mask: mask)) { Int(ferry_sequence_workspace($0)) }
    }

    /// Runs all steps.
    package func run(_ memory: Memory) { withUnsafePointer(to: sequence(memory)) { ferry_sequence_run($0) } }

    /// The kernels' form of the walk.
    func sequence(_ memory: Memory) -> ferry_sequence {
        var sequence = sequence(mask: memory.mask.map { UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) })
        sequence.x = memory.x
        sequence.output = memory.output
        sequence.h = memory.h
        sequence.c = memory.c
        sequence.workspace = memory.workspace
        return sequence
    }

    private func sequence(mask bytes: UnsafePointer<UInt8>?) -> ferry_sequence {
        var sequence = ferry_sequence()
        sequence.table = recurrence.kernels.table
        sequence.step = recurrence.step
        sequence.bias = recurrence.bias.base
        sequence.batch = batch
        sequence.time = time
        sequence.features = recurrence.features
        sequence.x_row_stride = input.row
        sequence.x_time_stride = input.time
        sequence.mask = bytes
        sequence.mask_row_stride = mask?.row ?? 0
        sequence.mask_time_stride = mask?.time ?? 0
        sequence.output_row_stride = output.row
        sequence.output_time_stride = output.time
        sequence.go_backwards = goBackwards ? 1 : 0
        sequence.zero_output_for_mask = zeroOutputForMask ? 1 : 0
        sequence.begins_with_state = beginsWithState ? 1 : 0
        sequence.team = team?.c
        return sequence
    }
}
