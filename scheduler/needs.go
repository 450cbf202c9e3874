package scheduler

import (
	"os"

	"github.com/faasmrun/faasmrun/internal/lower"
	"github.com/faasmrun/faasmrun/internal/openmp"
	"github.com/faasmrun/faasmrun/internal/wasm"
	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// What a job's programs need of an engine is read from the modules themselves: launchers of 0.1.0 say nothing of it,
// and nobody's word is taken.

// needsOf is what the programs of a job need, all together, and how many slots its ranks take.
func (s *Server) needsOf(spec *schedpb.JobSpec) (all core.Needs, slots uint64) {
	if x := spec.Script; x != nil {
		return core.Needs{Engine: core.ScriptEngine}, uint64(x.Tasks) * uint64(max(1, x.CpusPerTask))
	}
	all.Engine = spec.Engine
	seen := map[string]*wasm.Module{}
	for _, app := range spec.Apps {
		m := seen[app.ModuleSha256]
		if m == nil {
			m = s.modules.outline(app.ModuleSha256)
			seen[app.ModuleSha256] = m
			n := moduleNeeds(m)
			all.Models |= n.Models
			all.LeastMem = max(all.LeastMem, n.LeastMem)
		}
		slots += uint64(app.Ranks) * uint64(openmp.CPUs(app.CpusPerRank, openmp.Used(m.Imports), app.Variable))
	}
	return all, slots
}

// outline is a module without its code; empty where it can't be read: whoever compiles it says what is wrong with it.
func (m *modules) outline(hash string) *wasm.Module {
	f, err := os.Open(m.path(hash))
	if err != nil {
		return &wasm.Module{}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return &wasm.Module{}
	}
	outline, err := wasm.ReadOutline(f, info.Size())
	if err != nil {
		return &wasm.Module{}
	}
	return outline
}

// Pages of a memory, as far as they are counted: no engine gives as many.
const (
	pageShift  = 16
	maxPages32 = 1 << 16
	maxPages64 = 1 << 40
)

func moduleNeeds(m *wasm.Module) core.Needs {
	var n core.Needs
	memories := m.Spaces().Memories
	switch {
	case lower.LP64(m):
		n.Models = core.LP64
	case len(memories) > 0:
		n.Models = core.ILP32
	}
	for _, memory := range memories {
		most := uint64(maxPages32) // what claims more is not valid, which is said elsewhere
		if memory.Is64 {
			most = maxPages64
		}
		n.LeastMem = max(n.LeastMem, min(memory.Min, most)<<pageShift)
	}
	return n
}

// coreEngines are what a worker announces. Models that this scheduler does not know are nobody's to ask for.
func coreEngines(announced []*schedpb.Engine) []core.Engine {
	var engines []core.Engine
	for _, e := range announced {
		engine := core.Engine{Name: e.GetName(), MaxRankMem: e.GetMaxRankMemBytes(), Missing: e.GetMissing()}
		for _, name := range e.GetDataModels() {
			for i, known := range core.DataModelNames {
				if name == known {
					engine.Models |= 1 << i
				}
			}
		}
		engines = append(engines, engine)
	}
	return engines
}

func engineInfo(engines []core.Engine) []*schedpb.Engine {
	var infos []*schedpb.Engine
	for _, e := range engines {
		infos = append(infos, &schedpb.Engine{Name: e.Name, DataModels: e.Models.Names(), MaxRankMemBytes: e.MaxRankMem,
			Missing: e.Missing})
	}
	return infos
}
