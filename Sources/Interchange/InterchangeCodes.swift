public import FerryEngine

extension FerryError.Code {
    /// Something that a name or a path points at and that is not there.
    public static let notFound = Self("notFound")
    /// A file whose own structure contradicts itself: cut off, overwritten or made to mislead.
    public static let damagedFile = Self("damagedFile")
    /// A sound file of another kind than the one asked for.
    public static let wrongFormat = Self("wrongFormat")
    /// A weight that the model needs and the file lacks.
    public static let missingWeight = Self("missingWeight")
    /// A layer or operator that Ferry does not know.
    public static let unknownLayer = Self("unknownLayer")
    /// A setting that must be there and is not.
    public static let missingKey = Self("missingKey")
    /// A setting that Ferry does not understand and therefore does not skip.
    public static let unknownKey = Self("unknownKey")
}
