extension Operator {
    /// Whether another operator is of the same type and has the same settings; false where the type cannot tell.
    func equals(_ other: any Operator) -> Bool {
        guard let mine = self as? any Hashable, let others = other as? any Hashable else { return false }
        return AnyHashable(mine) == AnyHashable(others)
    }
}
