import FerryEngine

/// Where libhdf5 runs for the few files that Ferry's own reader does not know.
///
/// libhdf5 crashes or hangs on some damaged files. Ferry reads all that h5py and Keras write without it; what is left
/// are packed numbers (n-bit, scale-offset, szip), shared message tables and the layouts of HDF5 before 1.6.
public enum HDF5Isolation: Sendable {
    /// In a process of its own, with limits on memory, time and file access; needs the executable `ferry`.
    case isolated
    /// In this process; for files that come from a trusted source.
    case inProcess

    func read(_ bytes: UnsafeRawBufferPointer, because unknown: HDF5Unknown) throws -> HDF5Group {
        switch self {
        case .inProcess: try HDF5Library.held(for: .reading) { try $0.readFile(bytes) }
        case .isolated: try HDF5Helper.read(bytes, because: unknown)
        }
    }
}
