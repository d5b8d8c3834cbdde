import Ferry

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A sine at a place of its period.
func wave(_ place: Int, period: Double) -> Double { sin(2 * .pi * Double(place) / period) }

/// Ends the example with an error where it did not come out as it should; CI runs all of them.
func expect(_ condition: Bool, _ sentence: String) throws {
    guard condition else { throw FerryError(.unexpectedResult, found: "it is not true that \(sentence)") }
}

extension FerryError.Code {
    /// An example that did not come out as it should.
    static let unexpectedResult = Self("unexpectedResult")
}
