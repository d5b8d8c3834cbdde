import ArgumentParser
import Ferry

/// In how many bits weights are kept, as an option names it.
enum WeightOption: String, CaseIterable, ExpressibleByArgument {
    case float32, bf16, int8

    var precision: WeightPrecision {
        switch self {
        case .float32: .float32
        case .bf16: .bfloat16
        case .int8: .int8
        }
    }
}
