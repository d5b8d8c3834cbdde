import FerryEngine
import Synchronization

/// What a session keeps between calls: plans that nobody is running, and the state of a stateful model.
struct SessionMemory: ~Copyable {
    /// The states of stateful layers, unless `current` has them.
    var state = LayerState()
    /// The plan that a stateful model runs at present.
    private(set) var current: PlannedRun?
    /// Plans of a model without state, the most recently used one last.
    var idle: [PlannedRun] = []
    /// Whether planning was tried and found impossible.
    var isUnplannable = false

    /// Takes the states back from the plan that has them.
    mutating func leavePlan() {
        if let plan = current { state = plan.exportState(isStreaming: false) }
        current = nil
    }

    /// Gives the states to a plan. False where they do not fit it.
    mutating func enter(_ plan: PlannedRun) -> Bool {
        leavePlan()
        guard (try? plan.importState(state)) != nil else { return false }
        current = plan
        return true
    }

    /// Forgets all states.
    mutating func forget() {
        state = LayerState()
        current?.resetState()
    }
}

extension InferenceSession {
    /// How many plans of different shapes, or for calls at the same time, are kept.
    private static let planLimit = 8

    /// Runs `body` with a plan for the inputs, loaded; nil where there is none, or where `body` gives nil.
    func planned<Result: Sendable>(_ inputs: [Tensor], _ body: (PlannedRun) -> Result?) throws -> Result? {
        if isStateful {
            return try memory.withLock { memory in
                if memory.current?.fits(inputs) == true { return memory.current.flatMap { run($0, inputs, body) } }
                return try RunLimits.withRoom(for: inputs) { try enterPlan(for: checked(inputs), &memory, body) }
            }
        }
        if let plan = idlePlan({ $0.fits(inputs) }) { return runAndPutBack(plan, inputs, body) }
        return try RunLimits.withRoom(for: inputs) { try runNewPlan(checked(inputs), body) }
    }

    /// The same for a single input, without an array.
    func planned<Result: Sendable>(_ input: Tensor, _ body: (PlannedRun) -> Result?) throws -> Result? {
        if isStateful {
            let result: Result?? = memory.withLock { memory in
                guard let plan = memory.current, plan.fits(input) else { return nil }
                plan.load(input, at: 0)
                return .some(body(plan))
            }
            if let result { return result }
        } else if let plan = idlePlan({ $0.fits(input) }) {
            defer { putBack(plan) }
            plan.load(input, at: 0)
            return body(plan)
        }
        return try planned([input], body)
    }

    private func run<Result>(_ plan: PlannedRun, _ inputs: [Tensor], _ body: (PlannedRun) -> Result?) -> Result? {
        for index in inputs.indices { plan.load(inputs[index], at: index) }
        return body(plan)
    }

    private func runAndPutBack<Result>(
        _ plan: PlannedRun, _ inputs: [Tensor], _ body: (PlannedRun) -> Result?
    ) -> Result? {
        defer { putBack(plan) }
        return run(plan, inputs, body)
    }

    /// Runs a stateful model with a plan for inputs of the model's types, made anew where its shapes are others.
    private func enterPlan<Result>(
        for inputs: [Tensor], _ memory: inout SessionMemory, _ body: (PlannedRun) -> Result?
    ) throws -> Result? {
        if memory.current?.fits(inputs) != true {
            guard !memory.isUnplannable else { return nil }
            guard let made = try makePlan(for: inputs, { memory.isUnplannable = $0 }) else { return nil }
            guard memory.enter(made) else { return nil }
        }
        return memory.current.flatMap { run($0, inputs, body) }
    }

    private func runNewPlan<Result>(_ inputs: [Tensor], _ body: (PlannedRun) -> Result?) throws -> Result? {
        if let plan = idlePlan({ $0.fits(inputs) }) { return runAndPutBack(plan, inputs, body) }
        guard !memory.withLock({ $0.isUnplannable }) else { return nil }
        let made = try makePlan(for: inputs) { found in memory.withLock { $0.isUnplannable = found } }
        guard let made else { return nil }
        return runAndPutBack(made, inputs, body)
    }

    private func idlePlan(_ fits: (PlannedRun) -> Bool) -> PlannedRun? {
        memory.withLock { memory in
            guard let index = memory.idle.lastIndex(where: fits) else { return nil }
            return memory.idle.remove(at: index)
        }
    }

    private func putBack(_ plan: PlannedRun) {
        memory.withLock { memory in
            if memory.idle.count == Self.planLimit { memory.idle.removeFirst() }
            memory.idle.append(plan)
        }
    }

    /// A plan for such inputs, which `isUnplannable` is told of where no inputs have one.
    private func makePlan(for inputs: [Tensor], _ isUnplannable: (Bool) -> Void) throws -> PlannedRun? {
        do {
            let plan = try PlannedRun(
                prepared, shapes: inputs.map(\.shape), isStreaming: false, team: KernelTeam(threads: threads))
            if plan == nil { isUnplannable(inputs.allSatisfy { $0.count > 0 }) }
            return plan
        } catch is PlanTooLarge { return nil }
    }
}
