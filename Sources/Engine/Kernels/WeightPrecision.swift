internal import CKernels

/// In how many bits a session keeps the weights of its recurrent and dense layers; sums are float32 or wider.
public enum WeightPrecision: String, Sendable, CaseIterable {
    /// As they are.
    case float32
    /// Rounded to the upper sixteen bits of a float32.
    case bfloat16 = "bf16"
    /// Rounded to integers −127…127 with a scale for each unit of each gate. The inputs of a product are rounded to 14
    /// bits, each row by itself, so that one sequence's output never depends on another's.
    case int8

    var format: Int32 {
        switch self {
        case .float32: Int32(FERRY_WEIGHTS_FLOAT32.rawValue)
        case .bfloat16: Int32(FERRY_WEIGHTS_BFLOAT16.rawValue)
        case .int8: Int32(FERRY_WEIGHTS_INT8.rawValue)
        }
    }
}

/// Weights in the layout of some kernels.
// Written by `init` only, before anybody else sees the memory.
struct PackedWeights: @unchecked Sendable {
    let c: ferry_weights
    private let panels: AlignedFloats
    private let scales: AlignedFloats?

    /// Keeps or rounds `packed`, which the kernels packed in float32 as `depth` rows of `columns`, whole panels.
    init(_ packed: AlignedFloats, depth: Int, columns: Int, _ precision: WeightPrecision, kernels: Kernels) {
        var weights = ferry_weights()
        weights.depth = depth
        weights.format = precision.format
        if precision == .float32 {
            (panels, scales) = (packed, nil)
        } else {
            let table = kernels.table.pointee
            let bytes = table.weights_bytes(weights.format, depth, columns)
            let scales = precision == .int8 ? AlignedFloats(count: columns) { _ in } : nil
            panels = AlignedFloats(count: (bytes + 3) / 4) { target in
                table.weights_compress(weights.format, depth, columns, packed.base, target, scales?.mutable)
            }
            self.scales = scales
        }
        weights.panels = UnsafeRawPointer(panels.base)
        weights.scales = scales.map { $0.base }
        c = weights
    }
}
