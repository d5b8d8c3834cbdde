package import FerryEngine

/// A value of a plan: its type, its shape, and where its elements lie every time the plan runs.
public struct PlannedValue {
    let base: UnsafeMutableRawPointer
    /// The length of each axis.
    public var shape: [Int]
    let dtype: DType
    /// Which time steps count, [batch, time]; nil where all do.
    var mask: UnsafeMutablePointer<Bool>?

    /// How many elements there are.
    var count: Int { shape.product }
    /// The elements, which must be float32.
    var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

    /// The same elements under another shape, without a mask.
    func reshaped(_ shape: [Int]) -> PlannedValue {
        var value = self
        value.shape = shape
        value.mask = nil
        return value
    }
}

/// Collects what a plan computes.
public final class PlanBuilder {
    let calls: CallPlan
    /// Whether recurrent layers go on from their last state even where the model does not call them stateful.
    let isStreaming: Bool
    private(set) var states: [PlannedState] = []
    private var path: [String] = []
    /// How many multiplications more the plan may make.
    private var work: Int
    /// How many bytes more the outputs of its layers may take: 256 MiB, because a plan keeps them all.
    private var room = 1 << 28

    init(_ calls: CallPlan, isStreaming: Bool, work: Int = .max) {
        self.calls = calls
        self.isStreaming = isStreaming
        self.work = work
    }

    /// Counts a call with such outputs.
    ///
    /// - Throws: ``PlanTooLarge``.
    func count(_ multiplications: Int, _ outputs: [ValueType]) throws {
        let bytes = outputs.reduce(0) { $0.plus($1.knownByteCount) }
        guard multiplications <= work, bytes <= room else { throw PlanTooLarge() }
        work -= multiplications
        room -= bytes
    }

    /// A new value of float32, zero at first.
    func value(_ shape: [Int], mask: UnsafeMutablePointer<Bool>? = nil) -> PlannedValue {
        PlannedValue(base: calls.floats(shape.product), shape: shape, dtype: .float32, mask: mask)
    }

    /// A new value of any type, zero at first.
    func value(_ shape: [Int], _ dtype: DType) -> PlannedValue {
        let base = calls.allocate(byteCount: shape.product * dtype.byteCount)
        return PlannedValue(base: base, shape: shape, dtype: dtype)
    }

    /// A value that never changes.
    func constant(_ tensor: Tensor) -> PlannedValue {
        let value = value(tensor.shape, tensor.dtype)
        tensor.withUnsafeBytes { bytes in
            if let from = bytes.baseAddress { value.base.copyMemory(from: from, byteCount: bytes.count) }
        }
        return value
    }

    /// A new mask.
    func mask(_ count: Int) -> UnsafeMutablePointer<Bool> {
        calls.allocate(byteCount: count).bindMemory(to: Bool.self, capacity: max(count, 1))
    }

    /// Runs `body` with the memory of the layer `name` inside the present one.
    func withLayer<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        path.append(name)
        defer { path.removeLast() }
        return try body()
    }

    /// What the present layer remembers from run to run; the same for every call of the layer.
    func state(_ shapes: [[Int]]) -> [PlannedValue] {
        if let known = states.first(where: { $0.path == path }) { return known.values }
        let state = PlannedState(path: path, values: shapes.map { value($0) })
        states.append(state)
        return state.values
    }
}

/// Says that a call is to run layer by layer, which lets go of values and counts what it does.
struct PlanTooLarge: Error {}

/// What one layer of a plan remembers, by the path of its name.
struct PlannedState {
    let path: [String]
    let values: [PlannedValue]
}

/// An operator without weights to pack that can be part of a plan.
protocol PlannableOperator: Operator {
    /// Adds its calls to a plan; nil where it cannot. See ``PreparedOperator/plan(_:in:)``.
    func plan(
        _ inputs: Slots<PlannedValue>, _ parameters: ParameterSet, in builder: PlanBuilder
    ) throws -> [PlannedValue]?
}
