package worker

import (
	"testing"
	"time"
)

// BenchmarkHello is a job from the order to its end, with everything in the cache: what a launcher waits for. The
// fastest one and its CPU time say more than the mean on a busy machine.
func BenchmarkHello(b *testing.B) {
	for _, c := range []struct {
		name  string
		ranks int
	}{{"1 rank", 1}, {"16 ranks", 16}, {"256 ranks", 256}} {
		b.Run(c.name, func(b *testing.B) {
			bench := newBench(b, func(config *Config) { config.Logger = nil })
			spec := interactive(bench.app("hello", c.ranks))
			bench.run(spec)
			wait(b, bench.started, "start of the ranks")
			least, cpu := time.Hour, uint64(1<<63)
			for b.Loop() {
				began := time.Now()
				o := bench.run(spec)
				wait(b, bench.started, "start of the ranks") // or they would fill their channel
				least, cpu = min(least, time.Since(began)), min(cpu, o.CpuNs)
				if o.End.ExitCode != 0 {
					b.Fatal(o.End)
				}
			}
			b.ReportMetric(float64(least.Microseconds())/1000, "ms-fastest")
			b.ReportMetric(float64(cpu)/1e6, "cpu-ms-least")
		})
	}
}
