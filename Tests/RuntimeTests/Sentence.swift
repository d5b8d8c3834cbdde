/// What a person reads when `body` fails.
func sentence(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing thrown"
}
