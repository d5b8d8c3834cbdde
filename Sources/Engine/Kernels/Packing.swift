/// How weights are laid out.
public struct Packing: Sendable {
    /// For which kernels.
    package var kernels: Kernels
    /// In how many bits.
    public var precision: WeightPrecision

    /// For the fastest kernels.
    public init(precision: WeightPrecision = .float32) { self.init(kernels: .best, precision: precision) }

    /// For the given kernels.
    package init(kernels: Kernels, precision: WeightPrecision = .float32) {
        self.kernels = kernels
        self.precision = precision
    }
}
