/// What went wrong, where, and what to do about it.
///
/// The description reads `PLACE › PLACE: found; expected; remedy`, outermost place (usually the file) first. Code
/// that knows more about the place than the thrower adds it with ``located(in:)`` on the way out.
public struct FerryError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of mistake, for programs; the sentence is for people.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The stable name, as listed in `docs/ErrorReference.md`.
        public let description: String

        /// A code with a stable name.
        public init(_ name: String) { description = name }
    }

    /// The kind of mistake.
    public let code: Code
    /// From the outermost place inwards: file, group, layer, attribute.
    public private(set) var place: [String]
    /// What is there.
    public let found: String
    /// What should have been there.
    public let expected: String?
    /// What the reader of this sentence can do.
    public let remedy: String?

    /// An error whose place is filled in by ``located(in:)``.
    public init(
        _ code: Code, at place: [String] = [], found: String, expected: String? = nil, remedy: String? = nil
    ) {
        self.code = code
        self.place = place
        self.found = found
        self.expected = expected
        self.remedy = remedy
    }

    /// The same error, said to be inside `outer`.
    public func located(in outer: String) -> FerryError {
        var copy = self
        copy.place.insert(outer, at: 0)
        return copy
    }

    /// `PLACE › PLACE: found; expected; remedy`, on one line, whatever a file puts into it.
    public var description: String {
        let sentence = [found, expected, remedy].compactMap { $0 }.joined(separator: "; ")
        return (place.isEmpty ? sentence : "\(place.joined(separator: " › ")): \(sentence)").printable
    }
}

extension FerryError.Code {
    /// Shapes or ranks that do not fit each other or the operator.
    public static let shape = Self("shape")
    /// Element types that do not fit.
    public static let dtype = Self("dtype")
    /// A number, count or index outside its range.
    public static let range = Self("range")
    /// Something true of the file that Ferry cannot do.
    public static let unsupported = Self("unsupported")
}

/// Runs `body` and adds `place` to any ``FerryError`` that leaves it.
public func locating<Result>(
    _ place: @autoclosure () -> String, _ body: () throws -> Result
) throws -> Result {
    do { return try body() } catch let error as FerryError { throw error.located(in: place()) }
}
