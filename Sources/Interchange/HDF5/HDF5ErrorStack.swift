import CHDF5

/// What libhdf5 noted while a call failed, from the function that was called down to the one that gave up.
struct HDF5ErrorStack {
    private var frames: [(function: String, text: String)] = []

    /// The stack of the last call in this thread.
    static var current: HDF5ErrorStack {
        var stack = HDF5ErrorStack()
        _ = withUnsafeMutablePointer(to: &stack) { context in
            H5Ewalk2(
                ferry_h5e_default(), H5E_WALK_DOWNWARD,
                { _, frame, context in
                    guard let frame = frame?.pointee, let context else { return 0 }
                    let text = { (pointer: UnsafePointer<CChar>?) in pointer.map { String(cString: $0) } ?? "" }
                    context.assumingMemoryBound(to: HDF5ErrorStack.self).pointee.frames
                        .append((text(frame.func_name), text(frame.desc)))
                    return 0
                }, context)
        }
        return stack
    }

    /// The call, and the reason given deepest inside it.
    var reason: String {
        let function = frames.first?.function ?? "libhdf5"
        let text = frames.last { !$0.text.isEmpty }?.text ?? "no reason given"
        return "\(function): \(text)"
    }
}
