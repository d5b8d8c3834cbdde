import FerryEngine
package import FerryRuntime

extension Softmax: KerasLayer {
    package static let kerasClasses = ["Softmax"]

    package init(keras config: inout KerasConfig) throws { self.init(axes: try config.ints("axis", default: [-1])) }

    /// The usual single axis is an ``Activation``.
    package static func kerasOperator(_ config: inout KerasConfig) throws -> any Operator {
        let softmax = try Softmax(keras: &config)
        return softmax.axes.count == 1 ? Activation(.softmax(axis: softmax.axes[0])) : softmax
    }

    /// The softmax that `operation` is, in the form that a mask can be given to; nil where it is another layer.
    init?(maskable operation: any Operator) {
        switch operation {
        case let softmax as Softmax: self = softmax
        case let activation as Activation:
            guard case .softmax(let axis) = activation.function else { return nil }
            self.init(axes: [axis])
        default: return nil
        }
    }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [("axis", axes.kerasList)] }
}
