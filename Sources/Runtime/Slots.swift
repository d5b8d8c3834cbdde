/// The inputs of an operator, some of which may be left out.
///
/// The graph checks an operator's ``Operator/arity`` before it hands slots to it, so required slots can be read by
/// index.
public struct Slots<Element> {
    private let elements: [Element?]

    /// Slots in the operator's order; nil where an optional input is left out.
    public init(_ elements: [Element?]) { self.elements = elements }

    /// How many slots there are, empty ones between others included.
    public var count: Int { elements.count }

    /// The input of a required slot.
    public subscript(index: Int) -> Element {
        guard let element = elements[index] else { preconditionFailure("slot \(index) is required but empty") }
        return element
    }

    /// The input of an optional slot.
    public subscript(optional index: Int) -> Element? { index < elements.count ? elements[index] : nil }

    /// All inputs that are there.
    public var present: [Element] { elements.compactMap { $0 } }

    /// Slots with `transform` applied to those that are there.
    public func map<Result>(_ transform: (Element) throws -> Result) rethrows -> Slots<Result> {
        Slots<Result>(try elements.map { try $0.map(transform) })
    }

    /// The slots from `start` on, numbered from 0 again.
    public func dropFirst(_ start: Int) -> Slots { Slots(Array(elements.dropFirst(start))) }

    /// The first slots.
    public func prefix(_ length: Int) -> Slots { Slots(Array(elements.prefix(length))) }
}

extension Slots: Sendable where Element: Sendable {}
