package launch

import (
	"fmt"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// mpiOptions is what the command line asks of MPI itself.
type mpiOptions struct {
	check        bool
	reproducible bool
	stats        bool
	StatsFile    string
}

func (o *mpiOptions) spec() *schedpb.MpiOptions {
	if *o == (mpiOptions{}) {
		return nil
	}
	return &schedpb.MpiOptions{Check: o.check, Reproducible: o.reproducible, Stats: o.stats}
}

// setStats reads --mpi-stats[=FILE].
func (r *Request) setStats(values []string) error {
	r.Mpi.stats = true
	if len(values) > 0 {
		if r.Mpi.StatsFile = values[0]; r.Mpi.StatsFile == "" {
			return fmt.Errorf("needs a file's name behind the =")
		}
	}
	return nil
}
