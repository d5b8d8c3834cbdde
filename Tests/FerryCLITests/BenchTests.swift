import Ferry
import Testing

@Suite struct BenchTests {
    @Test func theTextShowsThreePercentiles() throws {
        let run = try FerryProcess(["bench", Fixture.demo, "--runs", "5"])
        #expect(run.status == 0)
        #expect(run.errors.isEmpty)
        for word in ["5 runs", "median", "p90", "p99", "µs", "allocations: "] {
            #expect(run.output.contains(word))
        }
    }

    @Test func theJSONNamesTheShapes() throws {
        let input = try Model(contentsOf: Fixture.demo).inputs[0].name
        let run = try FerryProcess(["bench", Fixture.demo, "--runs", "5", "--json", "--shape", "\(input)=4,3,1"])
        let report = try JSONValue(parsing: run.output)
        #expect(report["shapes"] == [input: [4, 3, 1]])
        #expect(report["runs"] == 5)
        let times = ["median_us", "p90_us", "p99_us"].compactMap { report[$0]?.doubleValue }
        #expect(times.count == 3 && times == times.sorted() && times[0] > 0)
    }

    @Test func aStreamIsMeasuredStepByStep() throws {
        let run = try FerryProcess(["bench", Fixture.path("keras2/lstm_stacked/model.h5"), "--stream", "--runs", "5"])
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("one time step"))
    }

    @Test(arguments: ["float32", "bf16", "int8"]) func weightsAndThreadsAreTaken(_ weights: String) throws {
        let run = try FerryProcess([
            "bench", Fixture.demo, "--runs", "3", "--threads", "2", "--weights", weights, "--json",
        ])
        #expect(run.errors.isEmpty)
        let report = try JSONValue(parsing: run.output)
        #expect(report["threads"] == 2)
        // Optimised code allocates nothing.
        #if DEBUG
        #expect(report["allocations"]?.doubleValue != nil)
        #else
        #expect(report["allocations"] == 0)
        #endif
    }

    @Test func aWrongShapeIsRefused() throws {
        let input = try Model(contentsOf: Fixture.demo).inputs[0].name
        let run = try FerryProcess(["bench", Fixture.demo, "--shape", "\(input)=1,4,1"])
        #expect(run.errors == "model.h5 › input '\(input)': --shape gives [1, 4, 1]; expected [batch, 3, 1]\n")
        #expect(run.status == 64)
    }
}
