import CHDF5

/// Files in memory: libhdf5 never sees a path, so no file can lead it to another one.
extension HDF5Library {
    // Only a name for the library's own list of open files.
    private static let imageName = "ferry-image"

    /// Opens the file whose bytes these are; they are not copied and must outlive the handle.
    func openImage(_ bytes: UnsafeRawBufferPointer) throws -> HDF5Handle {
        let access = try memoryAccess()
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
        // The library wants an image of its own; these calls give it ours, and it was opened for reading only.
        var callbacks = H5FD_file_image_callbacks_t(
            image_malloc: { _, _, base in base },
            image_memcpy: { target, _, _, _, _ in target },
            image_realloc: { _, _, _, _ in nil },
            image_free: { _, _, _ in 0 },
            udata_copy: { $0 },
            udata_free: { _ in 0 },
            udata: base)
        try check(H5Pset_file_image_callbacks(access.id, &callbacks))
        try check(H5Pset_file_image(access.id, base, bytes.count))
        return try own(H5Fopen(Self.imageName, ferry_h5f_acc_rdonly(), access.id), H5Fclose)
    }

    /// A new file in memory, in the oldest format that can hold it, which is what h5py writes.
    func createImage() throws -> HDF5Handle {
        let access = try memoryAccess()
        try check(H5Pset_libver_bounds(access.id, H5F_LIBVER_EARLIEST, ferry_h5f_libver_latest()))
        return try own(
            H5Fcreate(Self.imageName, ferry_h5f_acc_trunc(), ferry_h5p_default(), access.id), H5Fclose)
    }

    /// The outermost group of an open file.
    func root(of file: borrowing HDF5Handle) throws -> HDF5Handle {
        try own(H5Oopen(file.id, "/", ferry_h5p_default()), H5Oclose)
    }

    /// The bytes of an open file.
    func image(of file: borrowing HDF5Handle) throws -> [UInt8] {
        try check(H5Fflush(file.id, H5F_SCOPE_GLOBAL))
        let size = try check(H5Fget_file_image(file.id, nil, 0))
        let id = file.id
        return try [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            filled = try check(H5Fget_file_image(id, buffer.baseAddress, buffer.count))
        }
    }

    private func memoryAccess() throws -> HDF5Handle {
        let access = try own(H5Pcreate(ferry_h5p_file_access()), H5Pclose)
        let increment = 1 << 20
        try check(H5Pset_fapl_core(access.id, increment, false))
        return access
    }
}
