public import FerryEngine
import Synchronization

/// Counts what the values of one call hold and what the call computes, and refuses what exceeds ``RunLimits``.
///
/// Graphs inside graphs, and the rounds of loops, count together.
final class RunMeter: Sendable {
    @TaskLocal private static var current: RunMeter?

    private let mostBytes: Int
    private let mostWork: Int
    private let bytes = Atomic<Int>(0)
    private let work = Atomic<Int>(0)

    private init(_ limits: RunLimits, inputElements: Int, parameterCount: Int) {
        mostBytes = limits.bytes
        mostWork = limits.work(inputElements: inputElements, parameterCount: parameterCount)
    }

    /// Calls `body` with the meter of the call that this is a part of, or else with a new one.
    static func withMeter<Result>(
        for inputs: Slots<Signal>, parameterCount: Int, _ body: (RunMeter) throws -> Result
    ) throws -> Result {
        if let current { return try body(current) }
        let elements = inputs.present.reduce(0) { $0 + $1.tensor.count }
        let meter = RunMeter(RunLimits.current, inputElements: elements, parameterCount: parameterCount)
        return try $current.withValue(meter) { try body(meter) }
    }

    /// Counts values that are kept until they are released.
    static func hold(_ tensors: some Sequence<Tensor>) throws {
        for tensor in tensors { try current?.hold(tensor.byteCount) }
    }

    /// Counts values no more.
    static func release(_ tensors: some Sequence<Tensor>) {
        for tensor in tensors { current?.release(tensor.byteCount) }
    }

    /// Counts bytes that are kept until they are released.
    func hold(_ count: Int) throws {
        bytes.wrappingAdd(count, ordering: .relaxed)
        try requireRoom(for: 0)
    }

    /// Counts bytes no more.
    func release(_ count: Int) { bytes.wrappingSubtract(count, ordering: .relaxed) }

    /// Checks, before it is computed, that values of these types can be held; what is not known counts later.
    func requireRoom(for types: [ValueType]) throws {
        try requireRoom(for: types.reduce(0) { $0.plus($1.knownByteCount) })
    }

    private func requireRoom(for more: Int) throws {
        let held = bytes.load(ordering: .relaxed)
        guard held.plus(more) <= mostBytes else {
            throw FerryError(
                .range, found: "values of \(held.plus(more)) bytes at once", expected: "at most \(mostBytes)",
                remedy: "raise RunLimits.bytes if the model is meant to hold so much")
        }
    }

    /// Counts about as many multiplications as a call makes.
    func count(_ multiplications: Int) throws {
        let all = work.load(ordering: .relaxed).addingReportingOverflow(multiplications)
        guard !all.overflow, all.partialValue <= mostWork else {
            throw FerryError(
                .range, found: "more than \(mostWork) multiplications",
                expected: "no more for inputs and parameters of this size",
                remedy: "raise RunLimits.work if the model is meant to compute so much")
        }
        work.store(all.partialValue, ordering: .relaxed)
    }
}

extension Operator {
    /// About how many multiplications one call takes: those of ``multiplications(_:_:parameterCount:)``, and a few for
    /// every element that is read or written.
    func work(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        let read = inputs.present.reduce(0) { $0.plus($1.knownCount) }
        let written = outputs.reduce(0) { $0.plus($1.knownCount) }
        return multiplications(inputs, outputs, parameterCount: parameterCount)
            .plus(read).plus(written.times(16))
    }
}

extension ValueType {
    /// The elements, as far as the shape says.
    var knownCount: Int { shape.reduce(1) { $0.times(max($1.length ?? 1, 0)) } }
    /// The bytes of the elements, as far as the shape says.
    var knownByteCount: Int { knownCount.times(dtype.byteCount) }
    /// How often the last axis occurs, as far as the shape says.
    fileprivate var knownRows: Int { shape.dropLast().reduce(1) { $0.times(max($1.length ?? 1, 0)) } }
}

extension Tensor {
    /// The bytes of the elements.
    var byteCount: Int { count * dtype.byteCount }
}

extension Operator {
    /// Each parameter is multiplied once for each place along the axes before the features.
    public func multiplications(_ inputs: Slots<ValueType>, _ outputs: [ValueType], parameterCount: Int) -> Int {
        guard parameterCount > 0 else { return 0 }
        return parameterCount.times((inputs.present + outputs).map(\.knownRows).max() ?? 1)
    }
}

extension Int {
    /// The sum of two counts, or the largest number where it is larger.
    func plus(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    /// The product of two counts, or the largest number where it is larger.
    func times(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? .max : product
    }
}
