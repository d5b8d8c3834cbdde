import FerryEngine
import Synchronization

/// How much a model may ask for that its inputs do not show the need of.
///
/// A file of a few bytes can ask for a tensor of any size and for a loop without an end. The defaults are far above
/// what models need; a caller that knows better raises them for the calls inside:
///
///     var limits = RunLimits()
///     limits.rounds = 10_000_000
///     try RunLimits.$current.withValue(limits) { try session.predict(x) }
public struct RunLimits: Sendable {
    /// The elements of one tensor: 2²⁷, which are 512 MiB of float32.
    public var elements = 1 << 27
    /// The rounds of one loop, where none of its inputs is longer.
    public var rounds = 1 << 16
    /// The bytes that all values inside a call hold at once, beside inputs and parameters: 1 GiB.
    public var bytes = 1 << 30
    /// How many more elements and values each element of the inputs allows, so that many samples can be predicted at
    /// once: 2¹².
    public var elementsPerInput = 1 << 12
    /// The multiplications of one call, about, beside those that inputs and parameters account for: 2³⁶.
    public var work = 1 << 36
    /// How many more each element of the inputs allows: 2²⁴.
    public var workPerInput = 1 << 24
    /// How many more each parameter allows: 2¹².
    public var workPerParameter = 1 << 12

    /// The defaults.
    public init() {}

    /// The limits of the calls in this task.
    @TaskLocal public static var current = RunLimits()

    /// The limits of a call whose inputs Ferry makes up to compare models, and so can keep small.
    package var forComparison: RunLimits {
        var limits = self
        limits.elements /= 4
        limits.bytes /= 2
        limits.work /= 8
        limits.workPerInput = 0
        limits.elementsPerInput = 0
        return limits
    }

    /// Calls `body` with room for what these inputs allow beside the rest.
    static func withRoom<Result>(for inputs: [Tensor], _ body: () throws -> Result) rethrows -> Result {
        let more = inputs.reduce(0) { $0.plus($1.count) }.times(current.elementsPerInput)
        // Few inputs add nothing that counts, and a task-local value costs time.
        guard more > current.elements / 8 else { return try body() }
        var limits = current
        limits.elements = limits.elements.plus(more)
        limits.bytes = limits.bytes.plus(more.times(MemoryLayout<Float>.size))
        limits.elementsPerInput = 0
        return try $current.withValue(limits, operation: body)
    }

    /// The multiplications of a call with such inputs and parameters.
    func work(inputElements: Int, parameterCount: Int) -> Int {
        work.plus(workPerInput.times(inputElements)).plus(workPerParameter.times(parameterCount))
    }

    /// The rounds of all loops inside each other together.
    var allRounds: Int { rounds.multipliedReportingOverflow(by: 16).overflow ? .max : 16 * rounds }

    /// Refuses values larger than a model may ask for, of which those far smaller are let through without a look.
    static func check(_ types: [ValueType]) throws {
        for type in types where !type.isSmall {
            guard let lengths = type.shape.lengths else { continue }
            _ = try checkedShape(lengths)
        }
    }

    /// The same for types of which some lengths are open: refuses what is too large whatever these will be.
    static func checkKnown(_ types: [ValueType]) throws {
        for type in types where !type.isSmall && !type.shape.contains(.fixed(0)) {
            guard type.knownCount <= current.elements else {
                throw FerryError(
                    .range, found: "a result of shape \(type.shape)",
                    expected: "lengths from 0, at most \(current.elements) elements")
            }
        }
    }
}

/// Counts the rounds of a loop and of those inside it.
struct RoundMeter {
    private final class Total: Sendable {
        let rounds = Atomic<Int>(0)
    }

    @TaskLocal private static var total: Total?

    private let most: Int
    private let mostOfAll: Int
    private let total: Total

    /// Calls `body` with a meter for a loop with these inputs.
    static func withMeter<Result>(
        for inputs: [Signal], _ body: (borrowing RoundMeter) throws -> Result
    ) throws -> Result {
        let limits = RunLimits.current
        let longest = inputs.lazy.flatMap(\.tensor.shape).max() ?? 0
        let total = Self.total ?? Total()
        let meter = RoundMeter(
            most: min(max(limits.rounds, longest), limits.allRounds), mostOfAll: limits.allRounds, total: total)
        guard Self.total == nil else { return try body(meter) }
        return try $total.withValue(total) { try body(meter) }
    }

    /// Counts the round after `done` others.
    func count(after done: Int) throws {
        let all = total.rounds.wrappingAdd(1, ordering: .relaxed).newValue
        guard done < most, all <= mostOfAll else {
            throw FerryError(
                .range, found: "a loop of more than \(done < most ? mostOfAll : most) rounds",
                expected: "a loop that ends", remedy: "raise RunLimits.rounds if the model is meant to run so long")
        }
    }
}

extension ValueType {
    /// Whether this can be no danger, whatever the free axes are.
    fileprivate var isSmall: Bool {
        var count = 1
        for dimension in shape {
            guard let length = dimension.length, 0...(1 << 20) ~= length else { return false }
            count *= length
            guard count <= 1 << 20 else { return false }
        }
        return true
    }
}
