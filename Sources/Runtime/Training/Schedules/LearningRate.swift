#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// How large a step of an optimiser is: one number, or one that depends on how many updates were made.
public enum LearningRate: Sendable, Equatable, ExpressibleByFloatLiteral {
    /// The same at every step, until something such as ``ReduceOnPlateau`` changes it.
    case constant(Float)
    /// Decided by the number of updates made.
    case schedule(Schedule)

    /// The same at every step.
    public init(floatLiteral value: Float) { self = .constant(value) }

    /// The rate after `iteration` updates.
    public func value(at iteration: Int) -> Float {
        switch self {
        case .constant(let rate): rate
        case .schedule(let schedule): Float(schedule.value(at: Double(iteration)))
        }
    }
}

/// A learning rate that changes with the number of updates t; the meanings are those of
/// `keras.optimizers.schedules`.
public enum Schedule: Sendable, Equatable {
    /// r·d^(t/s), with t/s rounded down where `isStaircase`.
    case exponential(initial: Double, steps: Double, rate: Double, isStaircase: Bool = false)
    /// `values[i]` up to and including `boundaries[i]`, and the last value behind them.
    case piecewise(boundaries: [Double], values: [Double])
    /// (r − end)·(1 − t/s)^power + end; with `cycles` s grows to the next multiple that t has not passed.
    case polynomial(initial: Double, steps: Double, end: Double = 0.0001, power: Double = 1, cycles: Bool = false)
    /// r / (1 + d·t/s), with t/s rounded down where `isStaircase`.
    case inverseTime(initial: Double, steps: Double, rate: Double, isStaircase: Bool = false)
    /// Half a cosine from the rate down to α times it in s steps (Loshchilov & Hutter 2017), after a straight way up
    /// to `target` in `warmup` steps where there is one.
    case cosine(initial: Double, steps: Double, alpha: Double = 0, target: Double? = nil, warmup: Double = 0)
    /// Cosines one after another, each `growth` times as long and `decay` times as high as the one before.
    case cosineRestarts(initial: Double, firstSteps: Double, growth: Double = 2, decay: Double = 1, alpha: Double = 0)

    /// The rate after `step` updates.
    public func value(at step: Double) -> Double {
        switch self {
        case .exponential(let initial, let steps, let rate, let isStaircase):
            return initial * pow(rate, isStaircase ? floor(step / steps) : step / steps)
        case .piecewise(let boundaries, let values):
            let index = boundaries.firstIndex { step <= $0 } ?? boundaries.count
            return values.indices.contains(index) ? values[index] : values.last ?? 0
        case .polynomial(let initial, let steps, let end, let power, let cycles):
            let length = cycles ? steps * max(1, ceil(step / steps)) : steps
            return (initial - end) * pow(1 - min(step, length) / length, power) + end
        case .inverseTime(let initial, let steps, let rate, let isStaircase):
            return initial / (1 + rate * (isStaircase ? floor(step / steps) : step / steps))
        case .cosine(let initial, let steps, let alpha, let target, let warmup):
            guard let target else { return initial * Self.halfCosine(min(step, steps) / steps, alpha) }
            if step < warmup { return initial + (target - initial) * step / warmup }
            return target * Self.halfCosine(min(step - warmup, steps) / steps, alpha)
        case .cosineRestarts(let initial, let firstSteps, let growth, let decay, let alpha):
            return initial * Self.restarted(step / firstSteps, growth, decay, alpha)
        }
    }

    private static func halfCosine(_ share: Double, _ alpha: Double) -> Double {
        (1 - alpha) * 0.5 * (1 + cos(.pi * share)) + alpha
    }

    /// `position` counts in lengths of the first period.
    private static func restarted(_ position: Double, _ growth: Double, _ decay: Double, _ alpha: Double) -> Double {
        let period: Double
        let share: Double
        if growth == 1 {
            period = floor(position)
            share = position - period
        } else {
            period = floor(log(1 - position * (1 - growth)) / log(growth))
            let sum = (1 - pow(growth, period)) / (1 - growth)
            share = (position - sum) / pow(growth, period)
        }
        let height = pow(decay, period)
        return (1 - alpha) * 0.5 * height * (1 + cos(.pi * share)) + alpha
    }
}
