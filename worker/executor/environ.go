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

// openMounts opens an app's directories. named: its program names its files as the host does, so they are where it
// looks for them, below a root that shows nothing else; with tmp, the job's own, as /tmp. To other programs their
// working directory is "/", and they have neither /tmp nor /dev: a relative tmp/x would lead there. In both cases the
// working directory is also what the host calls it, so that absolute paths given on the command line work.
func openMounts(a control.App, named bool, tmp string) (all mounts, err error) {
	defer func() {
		if err != nil {
			all.close()
			all = nil
		}
	}()
	root, err := openRoot(a.Dir)
	if err != nil {
		return nil, err
	}
	dir := filepath.Clean(a.Dir)
	real, err := filepath.EvalSymlinks(dir)
	switch {
	case dir == "/":
		all = mounts{{Guest: "/", Root: root, Working: true}}
	case !named:
		all = mounts{{Guest: "/", Root: root}, {Guest: dir, Root: root}}
	case err != nil || real == dir:
		all = mounts{{Guest: "/", Above: true}, {Guest: dir, Root: root, Working: true}}
	default:
		all = mounts{{Guest: "/", Above: true}, {Guest: dir, Root: root}, {Guest: real, Root: root, Working: true}}
	}
	for _, m := range a.Mounts {
		root, err := openRoot(m.HostDir)
		if err != nil {
			return all, err
		}
		all = append(all, rank.Mount{Guest: m.GuestDir, Root: root, ReadOnly: m.ReadOnly})
	}
	if named && !all.has(devices) {
		all = append(all, rank.Mount{Guest: devices, Devices: true})
	}
	if named && dir != "/" && !all.has(temporary) {
		root, err := os.OpenRoot(tmp)
		if err != nil {
			return all, fmt.Errorf("the job's directory for temporary files: %w", err)
		}
		all = append(all, rank.Mount{Guest: temporary, Root: root, Private: true})
		if err := all.makeMountPoints(root); err != nil {
			return all, fmt.Errorf("the job's directory for temporary files: %w", err)
		}
	}
	if namesZone(a.Env) {
		if root, err := os.OpenRoot(zones); err == nil { // else libc takes UTC
			all = append(all, rank.Mount{Guest: zones, Root: root, ReadOnly: true})
		}
	}
	return all, nil
}

// Where programs look for devices and make temporary files. A directory that the user puts there takes the place of the
// job's.
const (
	devices   = "/dev"
	temporary = "/tmp"
)

// has reports whether something is at a name of the guest.
func (all mounts) has(name string) bool {
	return slices.ContainsFunc(all, func(m rank.Mount) bool { return path.Clean(m.Guest) == name })
}

// makeMountPoints makes, in the job's /tmp, the directories where others are mounted: they hide them, and those above
// them are seen as they would be on the host.
func (all mounts) makeMountPoints(tmp *os.Root) error {
	for _, m := range all {
		if name, found := strings.CutPrefix(path.Clean(m.Guest), temporary+"/"); found {
			if err := tmp.MkdirAll(name, 0o700); err != nil {
				return err
			}
		}
	}
	return nil
}

// shows reports whether an absolute name is a directory that a program sees.
func (all mounts) shows(dir string) bool {
	var best *rank.Mount
	var rest string
	for i := range all {
		m := &all[i]
		name, found := strings.CutPrefix(path.Clean(dir)+"/", strings.TrimSuffix(m.Guest, "/")+"/")
		if found && (best == nil || len(m.Guest) >= len(best.Guest)) {
			best, rest = m, name
		}
	}
	if best == nil || best.Root == nil {
		return false
	}
	info, err := best.Root.Stat(path.Join(".", rest))
	return err == nil && info.IsDir()
}

// withTemporary leads a program that has the launcher's directory for temporary files, and does not see it, to the
// job's.
func (all mounts) withTemporary(env []string) []string {
	return slices.Collect(func(yield func(string) bool) {
		for _, v := range env {
			dir, found := strings.CutPrefix(v, "TMPDIR=")
			if found && path.IsAbs(dir) && all.has(temporary) && !all.shows(dir) {
				v = "TMPDIR=" + temporary
			}
			if !yield(v) {
				return
			}
		}
	})
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
