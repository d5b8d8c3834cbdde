import Ferry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

func removeFile(_ path: UnsafePointer<CChar>) -> Int32 { unlink(path) }

/// The reader that `FERRY_FUZZ` names.
private let target: FuzzTarget = {
    let name = getenv("FERRY_FUZZ").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
        print("FERRY_FUZZ is '\(name)'; it must be one of \(FuzzTarget.all.map(\.name).joined(separator: ", "))")
        exit(64)
    }
    return target
}()

/// What libFuzzer calls with each input; anything but a `FerryError` is a finding.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    do { try target.read(bytes) } catch is FerryError {} catch { fatalError("\(error)") }
    return 0
}
