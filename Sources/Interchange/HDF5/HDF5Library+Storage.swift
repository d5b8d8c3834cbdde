import CHDF5
import FerryEngine

/// Where a dataset's bytes come from and how they are packed.
extension HDF5Library {
    /// Refuses a dataset, made by this plan, whose bytes are not in the file.
    func refuseForeignStorage(_ plan: borrowing HDF5Handle) throws {
        let remedy = "copy the data into the file"
        guard try check(H5Pget_external_count(plan.id)) == 0 else {
            throw FerryError(.unsupported, found: "keeps its data in another file", remedy: remedy)
        }
        switch H5Pget_layout(plan.id) {
        case H5D_COMPACT, H5D_CONTIGUOUS, H5D_CHUNKED: return
        case H5D_VIRTUAL: throw FerryError(.unsupported, found: "is a view of other datasets", remedy: remedy)
        default: throw failure()
        }
    }

    /// A filter that is no part of HDF5; the library would look for code on the disk to undo it.
    func unknownFilter(_ plan: borrowing HDF5Handle) throws -> String? {
        let own = [
            H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32, H5Z_FILTER_SZIP, H5Z_FILTER_NBIT,
            H5Z_FILTER_SCALEOFFSET,
        ]
        for index in 0..<UInt32(try check(H5Pget_nfilters(plan.id))) {
            var name = [CChar](repeating: 0, count: 64)
            var (flags, options, values): (UInt32, Int, UInt32) = (0, 0, 0)
            let filter = try check(
                H5Pget_filter2(plan.id, index, &flags, &options, nil, name.count, &name, &values))
            if own.contains(filter) { continue }
            let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            return text.isEmpty ? "filter \(filter)" : text
        }
        return nil
    }
}
