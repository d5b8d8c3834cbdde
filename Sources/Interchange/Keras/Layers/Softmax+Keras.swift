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

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [("axis", axes.kerasList)] }
}
