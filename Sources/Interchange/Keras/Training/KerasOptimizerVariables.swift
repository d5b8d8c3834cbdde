import FerryEngine
import FerryRuntime
import OrderedCollections

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The variables that an optimiser of Keras saves, in their order, as the state of an optimiser and back.
struct KerasOptimizerVariables {
    private let optimizer: KerasOptimizer
    private let settings: JSONValue
    private let isScalingLoss: Bool

    /// The variables of the optimiser that a compile configuration names; nil where it is none that Ferry knows.
    init?(_ compileConfiguration: JSONValue?) {
        var object = compileConfiguration?["optimizer"]
        isScalingLoss = object?["class_name"] == "LossScaleOptimizer"
        if isScalingLoss { object = object?["config"]?["inner_optimizer"] }
        guard let name = object?["class_name"]?.stringValue, let known = KerasCatalogue.optimizer(name) else {
            return nil
        }
        optimizer = known
        settings = object?["config"] ?? [:]
    }

    private var hasSchedule: Bool { settings["learning_rate"]?.objectValue != nil }

    /// The state that a file's variables hold.
    ///
    /// - Throws: ``FerryError/Code/shape`` where they are not those of this optimiser and these layers.
    func state(
        _ variables: [KerasWeight], _ layout: KerasOptimizerLayout, _ layers: [KerasTrainableLayer]
    ) throws -> OptimizerState {
        var state = OptimizerState(optimizer: optimizer.className)
        var rest = variables[...]
        try takeNumbers(from: &rest, layout, &state)
        let owners = layers.flatMap { layer in layer.weights.map { (layer.layer.name, $0.shape) } }
        let order = optimizer.order(layout, settings, count: owners.count)
        // Keras 2 on its own keeps a placeholder for each slot of AMSGrad that Adam does not use.
        let isPadded = layout == .standalone && rest.dropFirst(order.count).allSatisfy { $0.tensor.count == 1 }
        let expected = order.map { $0.slot.shape(owners[$0.parameter].1) }
        guard rest.count == order.count || isPadded, rest.prefix(order.count).map(\.tensor.shape) == expected else {
            throw FerryError(
                .shape, found: "\(variables.count) variables that are not those of \(optimizer.className)",
                expected: "\(order.count) for \(owners.count) trainable weights")
        }
        var tensors: OrderedDictionary<String, OrderedDictionary<String, [Tensor]>> = [:]
        for ((slot, parameter), variable) in zip(order, rest) {
            tensors[slot.name, default: [:]][owners[parameter].0, default: []].append(variable.tensor)
        }
        for slot in optimizer.slots(settings) {
            var set = ParameterSet()
            for layer in layers where !layer.weights.isEmpty {
                let kept = tensors[slot.name]?[layer.layer.name] ?? []
                let named =
                    slot.shape.isWhole
                    ? try layer.parameters(kept)
                    : zip(layer.specs, kept).filter { $0.0.shape.count > 1 }.map {
                        ("\(layer.layer.name)/\($0.name)", $1)
                    }
                for (name, tensor) in named { set[name] = tensor }
            }
            state.slots[slot.name] = set
        }
        return state
    }

    /// Takes the counter, the learning rate and the other numbers that stand before and after the slots.
    private func takeNumbers(
        from rest: inout ArraySlice<KerasWeight>, _ layout: KerasOptimizerLayout, _ state: inout OptimizerState
    ) throws {
        func next(_ what: String) throws -> Double {
            guard let number = rest.first?.tensor.onlyNumber else {
                throw FerryError(.shape, found: "\(rest.count) variables left", expected: "the \(what)")
            }
            rest.removeFirst()
            return number
        }
        if isScalingLoss && layout == .keras3 {
            // The counter and the learning rate of the wrapper itself are not used.
            _ = try (next("counter"), next("learning rate"))
            state.scalars["step_counter"] = Float(try next("step counter"))
            state.scalars["dynamic_scale"] = Float(try next("scale of the loss"))
        }
        if layout == .standalone {
            let numbers = rest.prefix { $0.tensor.shape.isEmpty }.compactMap { $0.tensor.onlyNumber }
            rest = rest.dropFirst(numbers.count)
            state.iteration = numbers.first.flatMap(Int.init(exactly:)) ?? 0
            if numbers.count > 1 { state.scalars["u_product"] = Float(numbers[1]) }
        } else {
            state.iteration = Int(exactly: try next("counter")) ?? 0
        }
        if layout == .keras3 && !hasSchedule { state.learningRate = Float(try next("learning rate")) }
        guard optimizer.className == "Nadam" else { return }
        switch layout {
        case .keras3: state.scalars["u_product"] = (rest.popLast()?.tensor.onlyNumber).map { Float($0) }
        case .legacy: state.scalars["u_product"] = Float(try next("momentum cache"))
        case .keras2, .standalone: break
        }
        state.scalars["u_product"] = state.scalars["u_product"] ?? nadamProduct(after: state.iteration)
    }

    /// The product of the momenta of all updates so far, which TensorFlow does not save (Dozat 2016; Keras `Nadam`).
    private func nadamProduct(after iterations: Int) -> Float {
        let beta = settings["beta_1"]?.doubleValue ?? 0.9
        let decay = settings["schedule_decay"]?.doubleValue ?? 1
        // Beyond this many updates the product is 0 in float32.
        return (0..<min(iterations, 2000)).reduce(1) { product, step in
            product * Float(beta * (1 - 0.5 * pow(0.96, decay * Double(step + 1))))
        }
    }
}

extension KerasOptimizerVariables {
    /// The variables of `state` in the order of `layout`, with the names that files give them.
    ///
    /// - Parameter parameters: the trainable parameters in Keras's order, by their names in the model.
    /// - Throws: ``FerryError`` where the state is of another optimiser, or lacks a slot of a parameter.
    func variables(
        of state: OptimizerState, _ layout: KerasOptimizerLayout, _ parameters: [ParameterSpec]
    ) throws -> [KerasWeight] {
        guard state.optimizer == optimizer.className else {
            throw FerryError(.unsupported, found: "a state of \(state.optimizer)", expected: optimizer.className)
        }
        let prefix = settings["name"]?.stringValue ?? optimizer.className
        var result = numbers(before: state, layout, prefix)
        for (slot, index) in optimizer.order(layout, settings, count: parameters.count) {
            let spec = parameters[index]
            result.append(
                KerasWeight(layout.name(of: slot, spec.name, prefix), try tensor(slot, spec, state)))
        }
        if optimizer.className == "Nadam" && layout == .keras3 {
            result.append(KerasWeight("\(prefix)/variable", Tensor(scalar: state.scalars["u_product"] ?? 1)))
        }
        return result
    }

    private func numbers(
        before state: OptimizerState, _ layout: KerasOptimizerLayout, _ prefix: String
    ) -> [KerasWeight] {
        var result: [KerasWeight] = []
        let counter = Tensor(scalar: Int64(state.iteration))
        if isScalingLoss && layout == .keras3 {
            result += [
                KerasWeight("loss_scale_optimizer/iteration", Tensor(scalar: Int64(0))),
                KerasWeight("loss_scale_optimizer/learning_rate", Tensor(scalar: Float(0))),
                KerasWeight(
                    "loss_scale_optimizer/step_counter", Tensor(scalar: Int64(state.scalars["step_counter"] ?? 0))),
                KerasWeight(
                    "loss_scale_optimizer/dynamic_scale", Tensor(scalar: state.scalars["dynamic_scale"] ?? 32768)),
            ]
        }
        switch layout {
        case .keras3: result.append(KerasWeight("\(prefix)/iteration", counter))
        case .keras2: result.append(KerasWeight("iteration:0", counter))
        case .legacy, .standalone: result.append(KerasWeight("\(prefix)/iter:0", counter))
        }
        if layout == .keras3 && !hasSchedule {
            let configured = settings["learning_rate"]?.doubleValue ?? optimizer.learningRate
            let rate = Tensor(scalar: state.learningRate ?? Float(configured))
            result.append(KerasWeight("\(prefix)/learning_rate", rate))
        }
        if optimizer.className == "Nadam" && layout == .legacy {
            let product = Tensor(scalar: state.scalars["u_product"] ?? 1)
            result.append(KerasWeight("\(prefix)/momentum_cache:0", product))
        }
        return result
    }

    private func tensor(_ slot: KerasOptimizer.Slot, _ spec: ParameterSpec, _ state: OptimizerState) throws -> Tensor {
        let shape = slot.shape(spec.shape)
        // Without two axes Adafactor keeps an integer that nobody reads.
        if !slot.shape.isWhole && spec.shape.count < 2 { return Tensor(scalar: Int32(0)) }
        guard let set = state.slots[slot.name] else {
            // Keras 2 saves the momentum of an SGD that has none.
            guard slot.name == "momentum", state.optimizer == "SGD" else {
                throw FerryError(
                    .missingParameter, found: "no slot '\(slot.name)'", expected: "one for \(state.optimizer)")
            }
            return Tensor(zeros: shape)
        }
        let tensor = try set.required(spec.name)
        guard tensor.shape == shape else {
            throw FerryError(
                .shape, at: ["slot '\(slot.name)' of '\(spec.name)'"], found: "\(tensor.shape)", expected: "\(shape)")
        }
        return tensor
    }
}

extension KerasOptimizer.Shape {
    /// Whether the slot is of the parameter's shape.
    var isWhole: Bool { if case .whole = self { true } else { false } }
}

extension KerasOptimizerLayout {
    /// The name of a slot of the parameter at `path`, in a file of this layout.
    fileprivate func name(of slot: KerasOptimizer.Slot, _ path: String, _ optimizer: String) -> String {
        switch self {
        case .keras3: "\(optimizer)/\(path.map { $0 == "/" ? "_" : String($0) }.joined())_\(slot.name)"
        case .keras2: "\(optimizer)/\(slot.oldNames.keras2)/\(path):0"
        case .legacy, .standalone: "\(optimizer)/\(path)/\(slot.oldNames.legacy):0"
        }
    }
}
