package import FerryEngine
package import Testing

/// Records an issue where a tensor is farther from the expected one than the tolerance allows, and says how far.
package func expectClose(
    _ found: Tensor, _ expected: Tensor, within tolerance: Tolerance, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let difference = Difference(found, expected)
    #expect(difference.isWithin(tolerance), "\(what): \(difference)", sourceLocation: sourceLocation)
}
