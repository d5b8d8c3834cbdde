import FerryEngine
package import FerryRuntime

extension Masking: KerasLayer {
    package static let kerasClasses = ["Masking"]

    package init(keras config: inout KerasConfig) throws { self.init(try config.float("mask_value", 0)) }

    package func kerasSettings(_ version: KerasVersion) throws -> KerasSettings { [("mask_value", value.kerasNumber)] }
}
