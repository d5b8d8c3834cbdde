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
    /// Besides one for each sixteen bytes of the file, of which a link takes more.
    static let fewObjects = 1000
    static let mostChunks = 1_000_000
    static let largestDataset = 4 << 30
    /// Below this, a small file may claim as much as it likes.
    static let harmless = 64 << 20
    /// The most that deflate can compress.
    static let largestExpansion = 1000
    /// What a file may unpack to beyond four times its size: 256 MiB.
    static let largestSurplus = 256 << 20

    /// The bytes of the file.
    let fileSize: Int
    private var objects = 0
    private var bytes = 0
    private var headerBytes = 0

    init(fileSize: Int) { self.fileSize = fileSize }

    /// Counts one more object; the same object counts once for each path that leads to it.
    mutating func visit(depth: Int) throws {
        guard depth <= Self.deepest else {
            throw FerryError(
                .damagedFile, found: "groups lie more than \(Self.deepest) deep or contain themselves")
        }
        objects += 1
        guard objects <= mostObjects else {
            throw FerryError(.damagedFile, found: "more than \(mostObjects) groups and datasets")
        }
    }

    /// How many groups and datasets, counted once for each path, a file of this size can have.
    var mostObjects: Int { Self.fewObjects + fileSize / 16 }

    /// Counts the bytes of one more header, which many paths may lead to.
    mutating func spend(_ byteCount: Int) throws {
        headerBytes += byteCount
        guard headerBytes <= max(Self.harmless, 16 * fileSize) else {
            throw FerryError(.damagedFile, found: "the same groups are met again and again")
        }
    }

    /// The number of elements in an array about to be read, counted against the file's size.
    mutating func claim(_ shape: [Int], elementSize: Int) throws -> Int {
        let size = try Self.size(of: shape, elementSize)
        guard size <= Self.largestDataset, bytes + size <= largestTotal else {
            throw FerryError(
                .damagedFile, found: "claims \(size) bytes for shape \(shape) in a file of \(fileSize)",
                expected: "Ferry reads at most \(min(Self.largestDataset, largestTotal)) from it")
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
            guard let count = counts.checkedProduct, count <= Self.mostChunks,
                let total = try [count, Self.size(of: chunk, elementSize)].checkedProduct, total <= largestTotal
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

    /// What all arrays may hold together.
    private var largestTotal: Int {
        max(Self.harmless, min(Self.largestExpansion * fileSize, 4 * fileSize + Self.largestSurplus))
    }
}
