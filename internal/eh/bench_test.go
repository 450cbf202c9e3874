package eh

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// benchSource has what benchmarks call: bench(what, rounds).
const benchSource = `
#ifdef __cpp_exceptions
#define THROWS
#else
#define THROWS noexcept
#endif
static volatile int sink;
struct Guard { int v; Guard(int v) : v(v) { sink = v; } ~Guard() { sink = v; } };
[[gnu::noinline]] static int may(int x) THROWS {
#ifdef __cpp_exceptions
	if (x < 0) throw x;
#endif
	return x * 3;
}
[[gnu::noinline]] static int guarded(int x) THROWS { Guard g(x); return may(x) + 1; }
static int (*volatile pointer)(int) = may;
[[gnu::noinline]] static int catching(int x) {
#ifdef __cpp_exceptions
	try { return may(x); } catch (int i) { return i; }
#else
	return may(x);
#endif
}
extern "C" int bench(int what, int rounds) {
	int sum = 0;
	switch (what) {
	case 0: for (int i = 0; i < rounds; i++) sum += may(i); break;
	case 1: for (int i = 0; i < rounds; i++) sum += guarded(i); break;
	case 2: for (int i = 0; i < rounds; i++) sum += catching(i); break;
	case 3: for (int i = 0; i < rounds; i++) sum += pointer(i); break;
	case 4: for (int i = 0; i < rounds; i++) sum += catching(-1 - i); break;
	}
	return sum;
}
int main() { return 0; }`

// Benchmarks of what exceptions cost where none is thrown, beside the same program compiled without, and of a throw
// with its catch (with the small runtime of the tests; libc++abi's does more).
func BenchmarkCalls(b *testing.B) {
	with := benchFunction(b, lowerCpp(b, benchSource, "-O2"))
	without := benchFunction(b, buildCpp(b, benchSource, "-O2", "-fno-exceptions"))
	for what, name := range []string{"plain", "with destructor", "in try", "through pointer"} {
		for _, variant := range []struct {
			name string
			f    api.Function
		}{{"exceptions", with}, {"none", without}} {
			b.Run(name+"/"+variant.name, func(b *testing.B) { benchRounds(b, variant.f, what) })
		}
	}
	b.Run("throw and catch", func(b *testing.B) { benchRounds(b, with, 4) })
}

func benchRounds(b *testing.B, f api.Function, what int) {
	if _, err := f.Call(context.Background(), uint64(what), uint64(b.N)); err != nil {
		b.Fatal(err)
	}
}

func benchFunction(b *testing.B, module []byte) api.Function {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigCompiler())
	b.Cleanup(func() { r.Close(ctx) })
	wasi_snapshot_preview1.MustInstantiate(ctx, r)
	m, err := r.InstantiateWithConfig(ctx, module, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		b.Fatal(err)
	}
	return m.ExportedFunction("bench")
}
