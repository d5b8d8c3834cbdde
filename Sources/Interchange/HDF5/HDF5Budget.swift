import FerryEngine

/// How a dataset lies in its file.
enum HDF5Layout {
    /// In one piece.
    case contiguous
    /// Inside the dataset's header.
    case compact(byteCount: Int)
    /// In packed pieces of this shape.
    case chunked([Int])
}

/// How much a file may make its reader do; what exceeds it was not written by a framework.
struct HDF5Budget {
    static let deepest = 64
    static let mostObjects = 1_000_000
    static let mostChunks = 1_000_000
    static let largestDataset = 4 << 30
    /// Below this, a small file may claim as much as it likes.
    static let harmless = 64 << 20
    /// The most that deflate can compress.
    static let largestExpansion = 1000

    /// The bytes of the file.
    let fileSize: Int
    private var objects = 0
    private var bytes = 0

    init(fileSize: Int) { self.fileSize = fileSize }

    /// Counts one more object; the same object counts once for each path that leads to it.
    mutating func visit(depth: Int) throws {
        guard depth <= Self.deepest else {
            throw FerryError(
                .damagedFile, found: "groups lie more than \(Self.deepest) deep or contain themselves")
        }
        objects += 1
        guard objects <= Self.mostObjects else {
            throw FerryError(.damagedFile, found: "more than \(Self.mostObjects) groups and datasets")
        }
    }

    /// The number of elements in an array about to be read, counted against the file's size.
    mutating func claim(_ shape: [Int], elementSize: Int) throws -> Int {
        let size = try Self.size(of: shape, elementSize)
        guard size <= Self.largestDataset, bytes + size <= largestTotal else {
            throw FerryError(
                .damagedFile, found: "claims \(size) bytes for shape \(shape) in a file of \(fileSize)",
                expected: "Ferry reads at most \(Self.largestDataset) and \(Self.largestExpansion) times the file")
        }
        bytes += size
        return size / elementSize
    }

    /// Checks that an array has room in its layout, which libhdf5 does not.
    func check(_ layout: HDF5Layout, of shape: [Int], elementSize: Int) throws {
        switch layout {
        case .contiguous: return
        case .compact(let byteCount):
            guard try Self.size(of: shape, elementSize) <= byteCount else {
                throw FerryError(.damagedFile, found: "claims the shape \(shape) but holds \(byteCount) bytes")
            }
        case .chunked(let chunk):
            let counts = zip(shape, chunk).map { length, step in
                step > 0 ? length / step + (length % step == 0 ? 0 : 1) : -1
            }
            // Each chunk is unpacked whole.
            guard try Self.size(of: chunk, elementSize) <= largestTotal,
                let count = counts.checkedProduct, count <= Self.mostChunks
            else {
                throw FerryError(.damagedFile, found: "claims chunks of shape \(chunk) in an array of shape \(shape)")
            }
        }
    }

    private static func size(of shape: [Int], _ elementSize: Int) throws -> Int {
        guard elementSize > 0, let size = (shape + [elementSize]).checkedProduct else {
            throw FerryError(.damagedFile, found: "claims the shape \(shape)")
        }
        return size
    }

    private var largestTotal: Int {
        let (total, overflow) = fileSize.multipliedReportingOverflow(by: Self.largestExpansion)
        return overflow ? .max : max(Self.harmless, total)
    }
}
