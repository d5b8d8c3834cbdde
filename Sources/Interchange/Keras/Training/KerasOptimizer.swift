import FerryEngine

/// An optimiser of Keras: its settings, and what it keeps for every trainable parameter.
struct KerasOptimizer: Sendable {
    /// Its class in Keras 3.
    let className: String
    /// The learning rate where nothing is said.
    let learningRate: Double
    /// The weight decay where nothing is said.
    let weightDecay: JSONValue
    /// The settings of its own and what they are where nothing is said.
    let settings: KerasSettings
    /// What it keeps, group after group; the slots of one group alternate from parameter to parameter.
    let groups: [Group]
    /// Whether Keras 2 has it and saves it whole.
    let isInKeras2: Bool
    /// Whether the optimisers before TensorFlow 2.11 alternate, too.
    let alternatesInLegacy: Bool

    init(
        _ className: String, learningRate: Double = 0.001, weightDecay: JSONValue = .null, _ settings: KerasSettings,
        isInKeras2: Bool = true, alternatesInLegacy: Bool = false, keeps groups: Group...
    ) {
        self.className = className
        self.learningRate = learningRate
        self.weightDecay = weightDecay
        self.settings = settings
        self.groups = groups
        self.isInKeras2 = isInKeras2
        self.alternatesInLegacy = alternatesInLegacy
    }

    /// Slots that are kept together.
    struct Group: Sendable {
        let slots: [Slot]
        /// The setting that must be neither false nor 0 for the group to be kept; nil where it always is.
        let condition: String?

        /// These slots, where `condition` is set.
        static func slots(_ slots: Slot..., where condition: String? = nil) -> Group {
            Group(slots: slots, condition: condition)
        }

        /// Whether an optimiser with these settings keeps the group.
        func isKept(_ settings: JSONValue) -> Bool {
            guard let condition else { return true }
            let value = settings[condition]
            return value?.boolValue ?? ((value?.doubleValue ?? 0) != 0)
        }
    }

    /// One tensor for every parameter.
    struct Slot: Sendable {
        /// Its name in Keras 3, and in ``OptimizerState``.
        let name: String
        /// Its name since TensorFlow 2.11, and before it.
        let oldNames: (keras2: String, legacy: String)
        /// Its factor is that of the parameter to this power, where the parameter is written in another unit: gradients
        /// shrink as parameters grow.
        let power: Int
        /// How its shape comes from the parameter's.
        let shape: Shape

        init(_ name: String, _ keras2: String? = nil, legacy: String? = nil, power: Int, shape: Shape = .whole) {
            self.name = name
            oldNames = (keras2 ?? name, legacy ?? keras2 ?? name)
            self.power = power
            self.shape = shape
        }
    }

    /// How a slot's shape comes from its parameter's.
    enum Shape: Sendable {
        /// It is the same.
        case whole
        /// The last axis is left out, or the one before it; without two axes only a placeholder is kept.
        case rows, columns

        /// The shape beside a parameter of shape `shape`.
        func callAsFunction(_ shape: [Int]) -> [Int] {
            switch self {
            case .whole: shape
            case _ where shape.count < 2: []
            case .rows: Array(shape.dropLast())
            case .columns: Array(shape.dropLast(2)) + shape.suffix(1)
            }
        }
    }
}

/// The order in which a file lists what an optimiser keeps.
enum KerasOptimizerLayout: Sendable {
    /// Keras 3: `adam/iteration`, `adam/learning_rate`, then `adam/lstm_kernel_momentum`, `…_velocity` in turn.
    case keras3
    /// TensorFlow 2.11 and later: `iteration:0`, then `Adam/m/lstm/kernel:0`, `Adam/v/lstm/kernel:0` in turn.
    case keras2
    /// OptimizerV2 of TensorFlow 1.13 to 2.10: `Adam/iter:0`, then `Adam/lstm/kernel/m:0` of all parameters, …
    case legacy
    /// Keras 1 and 2 on their own: `training/Adam/Variable:0`, … in the order of ``legacy``, some without a counter.
    case standalone

    /// The layout of an HDF5 file whose first variable is called `name`.
    init(firstVariable name: String) {
        self =
            switch name.split(separator: "/").last.map(String.init) ?? name {
            case "iteration": .keras3
            case "iteration:0": .keras2
            case "iter:0": .legacy
            default: .standalone
            }
    }
}

extension KerasOptimizer {
    /// What every optimiser may keep beside its own.
    private static let shared: [Group] = [
        .slots(Slot("average", power: 1), where: "use_ema"),
        .slots(Slot("gradient_accumulator", power: -1), where: "gradient_accumulation_steps"),
    ]

    /// All slots that it may keep.
    var allSlots: [Slot] { (Self.shared + groups).flatMap(\.slots) }

    /// All slots that an optimiser with these settings keeps.
    func slots(_ settings: JSONValue) -> [Slot] {
        (Self.shared + groups).filter { $0.isKept(settings) }.flatMap(\.slots)
    }

    /// The slots in the order of a file, each with one of `count` parameters.
    func order(_ layout: KerasOptimizerLayout, _ settings: JSONValue, count: Int) -> [(slot: Slot, parameter: Int)] {
        let kept = (Self.shared + groups).filter { $0.isKept(settings) || isAlwaysSaved($0, layout) }
        let alternates = layout == .keras3 || layout == .keras2 || alternatesInLegacy
        return kept.flatMap { group in
            alternates
                ? (0..<count).flatMap { index in group.slots.map { ($0, index) } }
                : group.slots.flatMap { slot in (0..<count).map { (slot, $0) } }
        }
    }

    /// SGD keeps its momentum in files even where it is 0, but in Keras 3 and OptimizerV2.
    private func isAlwaysSaved(_ group: Group, _ layout: KerasOptimizerLayout) -> Bool {
        className == "SGD" && group.condition == "momentum" && (layout == .keras2 || layout == .standalone)
    }
}
