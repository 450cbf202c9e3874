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

// openMPOptions is what the command line asks of OpenMP.
type openMPOptions struct {
	stats     bool
	StatsFile string
}

// setOpenMPStats reads --omp-stats[=FILE].
func (r *Request) setOpenMPStats(values []string) (err error) {
	r.OpenMP.stats = true
	r.OpenMP.StatsFile, err = statsFile(values)
	return err
}

// setStats reads --mpi-stats[=FILE].
func (r *Request) setStats(values []string) (err error) {
	r.Mpi.stats = true
	r.Mpi.StatsFile, err = statsFile(values)
	return err
}

func statsFile(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case values[0] == "":
		return "", fmt.Errorf("needs a file's name behind the =")
	}
	return values[0], nil
}
