import CHDF5
import FerryEngine
import Synchronization

/// The right to call libhdf5, which is not safe for threads: whoever holds it is alone.
///
/// Everything that calls the library is a method of this type, so that nothing can forget the lock.
struct HDF5Library: ~Copyable {
    /// What a failing call was part of.
    enum Purpose {
        case reading, writing
    }

    private static let gate = Mutex(())
    private let purpose: Purpose

    private init(_ purpose: Purpose) { self.purpose = purpose }

    /// Waits for its turn, then calls `body`; no handle made inside may leave it.
    static func held<Result: Sendable>(
        for purpose: Purpose, _ body: (borrowing HDF5Library) throws -> Result
    ) throws -> Result {
        try gate.withLock { _ in
            let library = HDF5Library(purpose)
            try library.check(H5open())
            // Otherwise the library prints its stack of errors; the setting belongs to the thread.
            try library.check(H5Eset_auto2(ferry_h5e_default(), nil, nil))
            return try body(library)
        }
    }

    /// The identifier that a call returned, to be closed by `close`.
    func own(_ id: hid_t, _ close: @convention(c) (hid_t) -> herr_t) throws -> HDF5Handle {
        guard id >= 0 else { throw failure() }
        return HDF5Handle(id: id, close: close)
    }

    /// What a call returned, where that is not HDF5's sign of failure, a negative number.
    @discardableResult
    func check<Number: SignedNumeric & Comparable>(_ result: Number) throws -> Number {
        guard result >= .zero else { throw failure() }
        return result
    }

    /// Calls `body` and adds the path of a group, a dataset or an attribute to what it throws.
    func inside<Result: ~Copyable>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as FerryError where !path.isEmpty {
            throw error.located(in: path.shortened)
        }
    }

    /// Why the last call failed, in the library's own words.
    func failure() -> FerryError {
        let reason = HDF5ErrorStack.current.reason
        return switch purpose {
        case .reading:
            FerryError(
                .damagedFile, found: "is damaged (\(reason))", remedy: "fetch the file again or save the model again")
        case .writing:
            FerryError(.unsupported, found: "cannot be written as HDF5 (\(reason))")
        }
    }
}

/// An identifier that libhdf5 gave out, closed exactly once.
struct HDF5Handle: ~Copyable {
    /// The identifier, good as long as the handle; so a handle needs a name, or it is closed before the call.
    let id: hid_t
    private let close: @convention(c) (hid_t) -> herr_t

    fileprivate init(id: hid_t, close: @escaping @convention(c) (hid_t) -> herr_t) {
        self.id = id
        self.close = close
    }

    deinit { _ = close(id) }
}
