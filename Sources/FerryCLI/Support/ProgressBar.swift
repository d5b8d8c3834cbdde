import Ferry

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Shows how training goes on a terminal: one line that is written over, and a line for each epoch.
final class ProgressBar: TrainingCallback {
    private let clock = ContinuousClock()
    private var start: ContinuousClock.Instant
    private var lastDrawn: ContinuousClock.Instant
    private var seen = 0

    /// nil where standard error is no terminal, or the user wants quiet.
    init?(_ console: Console) {
        guard isatty(STDERR_FILENO) == 1, !console.isQuiet else { return nil }
        start = clock.now
        lastDrawn = clock.now
    }

    func batchEnded(_ progress: BatchProgress, _ trainer: Trainer) {
        guard clock.now - lastDrawn > .milliseconds(80) else { return }
        lastDrawn = clock.now
        seen = progress.epoch * progress.total + progress.samples
        let elapsed = (clock.now - start) / .seconds(1)
        let rate = Double(seen) / max(elapsed, 1e-9)
        let left = Double(progress.epochs * progress.total - seen) / max(rate, 1e-9)
        let share = progress.total == 0 ? 0 : progress.samples * 24 / progress.total
        let bar = String(repeating: "━", count: share) + String(repeating: "─", count: 24 - share)
        show(
            "epoch \(progress.epoch + 1)/\(progress.epochs) \(bar) loss \(Float(progress.loss))  "
                + "\(Int(rate)) samples/s  \(Int(left.rounded(.up))) s left")
    }

    func epochEnded(_ result: EpochResult, _ trainer: Trainer) -> String? {
        guard clock.now - start > .milliseconds(200) else { return nil }
        let numbers = result.values.map { "\($0) \(Float($1))" }.joined(separator: "  ")
        show("epoch \(result.epoch + 1)  \(numbers)")
        return nil
    }

    func end(_ history: TrainingHistory, _ trainer: Trainer) { show("") }

    private func show(_ text: String) {
        let bytes = Array("\r\u{1B}[2K\(text)".utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
