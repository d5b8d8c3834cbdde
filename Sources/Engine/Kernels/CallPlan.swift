internal import CKernels

/// Kernel calls for one shape, in order, with the memory that they work in.
///
/// Filled once, then run often: running neither allocates nor decides anything, and without a team takes no lock.
// One thread fills it; afterwards its owner runs it on one thread at a time.
package final class CallPlan: @unchecked Sendable {
    private var memory: [UnsafeMutableRawPointer] = []
    private var owners: [Any] = []
    private var calls: [ferry_call] = []
    private let team: KernelTeam?

    /// No calls yet; `team` shares the work of recurrences.
    package init(team: KernelTeam? = nil) { self.team = team }

    deinit { for block in memory { block.deallocate() } }

    /// Zeroed memory that lives as long as the plan, aligned to 64 bytes.
    package func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        let block = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
        block.initializeMemory(as: UInt8.self, repeating: 0, count: max(byteCount, 1))
        memory.append(block)
        return block
    }

    /// Zeroed floats that live as long as the plan.
    package func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
        allocate(byteCount: count * MemoryLayout<Float>.stride).bindMemory(to: Float.self, capacity: max(count, 1))
    }

    /// A copy of numbers that lives as long as the plan.
    package func floats(_ values: [Float]) -> UnsafePointer<Float> {
        let target = floats(values.count)
        for (index, value) in values.enumerated() { target[index] = value }
        return UnsafePointer(target)
    }

    /// Makes all calls. False where the data are beyond what a plan can do, such as an id outside of a table.
    package func run() -> Bool {
        calls.withUnsafeBufferPointer { calls in
            guard let first = calls.baseAddress else { return true }
            return ferry_run_calls(first, calls.count) == 0
        }
    }

    private func add<Arguments>(
        _ run: @convention(c) (UnsafeRawPointer?) -> Int32, _ arguments: Arguments, keeping owner: Any? = nil
    ) {
        let block = allocate(byteCount: MemoryLayout<Arguments>.size)
        block.initializeMemory(as: Arguments.self, to: arguments)
        if let owner { owners.append(owner) }
        calls.append(ferry_call(run: run, arguments: UnsafeRawPointer(block)))
    }
}

extension CallPlan {
    /// A walk of a recurrence; `memory` but its workspace.
    package func addWalk(
        _ walk: RecurrentWalk, x: UnsafePointer<Float>, mask: UnsafePointer<Bool>?,
        output: UnsafeMutablePointer<Float>?, h: UnsafeMutablePointer<Float>, c: UnsafeMutablePointer<Float>?
    ) {
        var walk = walk
        walk.team = team
        let workspace = floats(walk.workspaceCount)
        let sequence = walk.sequence(.init(x: x, mask: mask, output: output, h: h, c: c, workspace: workspace))
        add(ferry_call_sequence, sequence, keeping: (walk.recurrence, team))
    }

    /// C [rows, columns] = activation(A·B + bias), for `repeats` matrices A that lie `repeatStride` floats apart; each has
    /// `stride` floats between rows, which may overlap.
    package func addProduct(
        rows: Int, _ a: UnsafePointer<Float>, stride: Int, _ matrix: PackedMatrix, activation: KernelActivation?,
        into c: UnsafeMutablePointer<Float>, repeats: Int = 1, repeatStride: Int = 0
    ) {
        let space = floats(matrix.spaceCount)
        var product = matrix.product(rows: rows, a, stride: stride, into: c, stride: matrix.columns, space: space)
        product.repeats = repeats
        product.a_repeat_stride = repeatStride
        product.c_repeat_stride = rows * matrix.columns
        if let activation { product.activation = activation.c }
        add(ferry_call_product, product, keeping: matrix)
    }

    /// y = activation(x), elementwise.
    package func addMap(
        _ activation: KernelActivation, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        add(
            ferry_call_map,
            ferry_map(table: Kernels.best.table, activation: activation.c, x: x, y: y, count: count))
    }

    /// y = softmax of each row of x [rows, width].
    package func addSoftmax(
        rows: Int, width: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>
    ) {
        add(ferry_call_softmax, ferry_softmax(table: Kernels.best.table, x: x, y: y, rows: rows, width: width))
    }

    /// y[i] = x[source[i]]; a negative source gives 0.
    package func addPick(_ source: [Int32], _ x: UnsafeRawPointer, into y: UnsafeMutableRawPointer) {
        let indices = allocate(byteCount: source.count * 4).bindMemory(to: Int32.self, capacity: max(source.count, 1))
        for (position, index) in source.enumerated() { indices[position] = index }
        add(
            ferry_call_pick,
            ferry_pick(
                x: x.assumingMemoryBound(to: UInt32.self), source: indices, y: y.assumingMemoryBound(to: UInt32.self),
                count: source.count))
    }

    /// Copies bytes.
    package func addCopy(_ x: UnsafeRawPointer, into y: UnsafeMutableRawPointer, byteCount: Int) {
        add(ferry_call_copy, ferry_copy(x: x, y: y, bytes: byteCount))
    }

    /// Zeros.
    package func addClear(_ y: UnsafeMutablePointer<Float>, count: Int) {
        add(ferry_call_clear, ferry_clear(y: y, count: count))
    }

    /// y [count, width] = rows of a table [rows, width] by number; the run fails where a number is not a row's.
    ///
    /// - Parameter mask: receives whether each number is not 0.
    package func addGather(
        _ table: UnsafePointer<Float>, rows: Int, width: Int, _ ids: UnsafeRawPointer, idType: DType, count: Int,
        into y: UnsafeMutablePointer<Float>, mask: UnsafeMutablePointer<Bool>?
    ) {
        let format: Int32 = idType == .int64 ? 8 : idType == .int32 ? 4 : 0
        add(
            ferry_call_gather,
            ferry_gather(
                rows: table, row_count: rows, width: width, ids: ids, id_format: format, count: count, y: y,
                mask: mask.map { UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self) }))
    }

    /// mask [rows] = whether any of x [rows, width] differs from `value`; y is x there and 0 elsewhere.
    package func addMasking(
        _ value: Float, rows: Int, width: Int, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
        mask: UnsafeMutablePointer<Bool>
    ) {
        let bytes = UnsafeMutableRawPointer(mask).assumingMemoryBound(to: UInt8.self)
        add(ferry_call_masking, ferry_masking(x: x, y: y, mask: bytes, rows: rows, width: width, value: value))
    }

    /// y = x ⊙ scale + offset for every row of x [rows, width].
    package func addScaling(
        rows: Int, width: Int, _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>, offset: UnsafePointer<Float>,
        into y: UnsafeMutablePointer<Float>
    ) {
        add(ferry_call_scaling, ferry_scaling(x: x, scale: scale, offset: offset, y: y, rows: rows, width: width))
    }

    /// y = (x − mean) / √(variance + epsilon) ⊙ scale + offset, with the statistics of every row of x [rows, width].
    package func addNormalization(
        rows: Int, width: Int, epsilon: Float, _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?,
        offset: UnsafePointer<Float>?, into y: UnsafeMutablePointer<Float>
    ) {
        add(
            ferry_call_normalization,
            ferry_normalization(
                x: x, scale: scale, offset: offset, y: y, rows: rows, width: width, epsilon: epsilon))
    }

    /// How two numbers become one.
    package enum Pairing: Int32 {
        case add, subtract, multiply, maximum, minimum
    }

    /// y = (a with b, element by element) · factor; `y` may be `a`.
    package func addPair(
        _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ pairing: Pairing, factor: Float = 1,
        into y: UnsafeMutablePointer<Float>, count: Int
    ) {
        add(
            ferry_call_pair,
            ferry_pair(
                table: Kernels.best.table, pairing: pairing.rawValue, factor: factor, a: a, b: b, y: y, count: count))
    }

    /// The places of a window that slides along time.
    package struct Windows {
        /// How many there are, and how many steps each sees.
        package var count: Int, size: Int
        /// Steps from one window to the next.
        package var stride: Int
        /// How many steps before the sequence the first one begins.
        package var before: Int

        /// Windows from their numbers.
        package init(count: Int, size: Int, stride: Int, before: Int) {
            self.count = count
            self.size = size
            self.stride = stride
            self.before = before
        }
    }

    /// y [rows, windows, width] = the mean or the largest of the steps of x [rows, steps, width] that each window shows,
    /// and that `mask` [rows, steps] does not hide.
    package func addPooling(
        _ windows: Windows, averaging: Bool, rows: Int, steps: Int, width: Int, _ x: UnsafePointer<Float>,
        mask: UnsafePointer<Bool>?, into y: UnsafeMutablePointer<Float>
    ) {
        let bytes = mask.map { UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }
        add(
            ferry_call_pooling,
            ferry_pooling(
                x: x, mask: bytes, y: y, rows: rows, steps: steps, width: width, windows: windows.count,
                size: windows.size, stride: windows.stride, before: windows.before, averages: averaging ? 1 : 0))
    }
}
