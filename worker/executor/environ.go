package executor

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/faasmrun/faasmrun/worker/control"
	"github.com/faasmrun/faasmrun/worker/rank"
)

// environment is a rank's: what the user gave, and what launchers tell each rank about itself, by the names that
// programs look for (those of Open MPI, PMIx, MPICH's PMI, Intel MPI, Slurm). The latter wins.
func environment(start *control.Start, given []string, number int) []string {
	rank, size := strconv.Itoa(number), strconv.Itoa(int(start.WorldSize))
	local, localSize := strconv.Itoa(number-int(start.FirstRank)), strconv.Itoa(int(start.Ranks))
	own := []struct{ name, value string }{
		{"OMPI_COMM_WORLD_RANK", rank},
		{"OMPI_COMM_WORLD_SIZE", size},
		{"OMPI_COMM_WORLD_LOCAL_RANK", local},
		{"OMPI_COMM_WORLD_LOCAL_SIZE", localSize},
		{"OMPI_COMM_WORLD_NODE_RANK", local},
		{"OMPI_UNIVERSE_SIZE", size},
		{"PMIX_RANK", rank},
		{"PMI_RANK", rank},
		{"PMI_SIZE", size},
		{"MPI_LOCALRANKID", local},
		{"MPI_LOCALNRANKS", localSize},
		{"SLURM_PROCID", rank},
		{"SLURM_NTASKS", size},
		{"SLURM_LOCALID", local},
		{"SLURM_RESTART_COUNT", strconv.FormatUint(uint64(start.Restarts), 10)},
		{"SLURM_JOB_ID", strconv.FormatUint(start.Job, 10)},
	}
	ours := make(map[string]bool, len(own))
	for _, v := range own {
		ours[v.name] = true
	}
	env := make([]string, 0, len(given)+len(own))
	for _, v := range given {
		if name, _, _ := strings.Cut(v, "="); !ours[name] {
			env = append(env, v)
		}
	}
	for _, v := range own {
		env = append(env, v.name+"="+v.value)
	}
	return env
}

// mounts is what an app's ranks see of the host. They share the roots.
type mounts []rank.Mount

// openMounts opens an app's directories. Its own is "/" to the guest, and also what the host calls it, so that absolute
// paths given on the command line work.
func openMounts(a control.App) (mounts, error) {
	root, err := openRoot(a.Dir)
	if err != nil {
		return nil, err
	}
	all := mounts{{Guest: "/", Root: root}}
	if dir := filepath.Clean(a.Dir); dir != "/" {
		all = append(all, rank.Mount{Guest: dir, Root: root})
	}
	for _, m := range a.Mounts {
		root, err := openRoot(m.HostDir)
		if err != nil {
			return nil, err
		}
		all = append(all, rank.Mount{Guest: m.GuestDir, Root: root, ReadOnly: m.ReadOnly})
	}
	if !all.has(devices) {
		all = append(all, rank.Mount{Guest: devices, Devices: true})
	}
	if namesZone(a.Env) {
		if root, err := os.OpenRoot(zones); err == nil { // else libc takes UTC
			all = append(all, rank.Mount{Guest: zones, Root: root, ReadOnly: true})
		}
	}
	return all, nil
}

// devices is where programs look for devices. A directory that the user puts there takes their place.
const devices = "/dev"

// has reports whether something is at a name of the guest.
func (all mounts) has(name string) bool {
	return slices.ContainsFunc(all, func(m rank.Mount) bool { return path.Clean(m.Guest) == name })
}

// zones is where libc looks for zones of time by name.
const zones = "/usr/share/zoneinfo"

// namesZone reports whether TZ names one, as Europe/Berlin; rules, as CET-1CEST, need no table.
func namesZone(env []string) bool {
	for _, v := range env {
		if zone, ok := strings.CutPrefix(v, "TZ="); ok {
			return strings.Contains(zone, "/") && !strings.Contains(zone, ",")
		}
	}
	return false
}

// close closes the roots, of which one may have two names.
func (all mounts) close() error {
	var errs []error
	closed := map[*os.Root]bool{}
	for _, m := range all {
		if m.Root != nil && !closed[m.Root] {
			errs = append(errs, m.Root.Close())
			closed[m.Root] = true
		}
	}
	return errors.Join(errs...)
}

func openRoot(dir string) (*os.Root, error) {
	if !filepath.IsAbs(dir) {
		return nil, fmt.Errorf("the directory %q is not absolute", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("the program's directory can't be opened: %w", err)
	}
	return root, nil
}
