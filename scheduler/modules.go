package scheduler

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/faasmrun/faasmrun/internal/private"
	"github.com/faasmrun/faasmrun/scheduler/core"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// modules keeps programs as <sha256>.wasm files. A file appears whole, under a name that its bytes prove, so several
// processes may share the directory. Whose a module is stands beside it: a tenant's are those whose bytes it has sent.
// Otherwise a hash, which is no secret, would do to run another's program, or to learn that it is there.
type modules struct {
	dir    string
	owners string // <hash of the tenant's name>/<sha256>, empty files; "": all modules are everyone's
	max    int64
	sync   bool
}

const (
	maxChunk     = 1 << 20
	maxHashes    = 1024 // asked for in one call
	partPattern  = ".put-*"
	partsLinger  = time.Hour // an older part is no longer being written
	moduleSuffix = ".wasm"
)

func openModules(dir, owners string, limit int64, sync bool) (*modules, error) {
	made := os.MkdirAll(dir, 0o700) // shared with a worker's cache, which sees to its mode
	if owners != "" {
		made = errors.Join(private.Dir(dir), private.Dir(owners))
	}
	if made != nil {
		return nil, fmt.Errorf("making the module store: %w", made)
	}
	parts, err := filepath.Glob(filepath.Join(dir, partPattern))
	for _, part := range parts {
		if info, err := os.Stat(part); err == nil && time.Since(info.ModTime()) > partsLinger {
			os.Remove(part) // left by a crash; if it can't be removed it only takes room
		}
	}
	return &modules{dir, owners, limit, sync}, err
}

// validHash reports whether a name is the lower-case hex of a SHA-256, and so safe as a file's name.
func validHash(hash string) bool {
	if len(hash) != 2*sha256.Size {
		return false
	}
	for _, c := range hash {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func (m *modules) path(hash string) string { return filepath.Join(m.dir, hash+moduleSuffix) }

func (m *modules) has(hash string) bool {
	info, err := os.Stat(m.path(hash))
	return err == nil && info.Mode().IsRegular()
}

// owned reports whether the module is there and its bytes have come from the tenant, too.
func (m *modules) owned(t core.Tenant, hash string) bool {
	if !m.has(hash) {
		return false
	}
	if m.owners == "" {
		return true
	}
	_, err := os.Stat(filepath.Join(m.ownerDir(t), hash))
	return err == nil
}

// ownerDir bears a hash: a tenant's name may be anything.
func (m *modules) ownerDir(t core.Tenant) string { return filepath.Join(m.owners, hashName(string(t))) }

func hashName(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// own notes that the tenant has sent a module.
func (m *modules) own(t core.Tenant, hash string) error {
	if m.owners == "" {
		return nil
	}
	dir := m.ownerDir(t)
	if err := private.Dir(dir); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, hash), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	f.Close()
	return errors.Join(m.syncDir(dir), m.syncDir(m.owners))
}

// put stores what next hands out until io.EOF, if its hash is the given one, as the tenant's.
func (m *modules) put(t core.Tenant, hash string, next func() ([]byte, error)) (err error) {
	part, err := os.CreateTemp(m.dir, partPattern)
	if err != nil {
		return status.Errorf(codes.Internal, "storing module %s: %v", hash, err)
	}
	defer func() {
		part.Close()
		if err != nil {
			os.Remove(part.Name())
		}
	}()
	if err := m.fill(part, hash, next); err != nil {
		return err
	}
	err = m.publish(part, hash)
	if err == nil {
		err = m.own(t, hash)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "storing module %s: %v", hash, err)
	}
	return nil
}

func (m *modules) fill(part *os.File, hash string, next func() ([]byte, error)) error {
	sum, size := sha256.New(), int64(0)
	for {
		data, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if size += int64(len(data)); size > m.max {
			return status.Errorf(codes.InvalidArgument, "module %s is larger than %d MiB, the most this scheduler takes", hash,
				m.max>>20)
		}
		sum.Write(data)
		if _, err := part.Write(data); err != nil {
			return status.Errorf(codes.Internal, "storing module %s: %v", hash, err)
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return status.Errorf(codes.InvalidArgument,
			"the module sent as %s has the SHA-256 %s: it was damaged or misnamed on its way", hash, got)
	}
	return nil
}

// publish gives the part its name. A job is acknowledged only when its modules are on disk, so the directory is synced
// too.
func (m *modules) publish(part *os.File, hash string) error {
	if m.sync {
		if err := part.Sync(); err != nil {
			return err
		}
	}
	if err := os.Rename(part.Name(), m.path(hash)); err != nil {
		return err
	}
	return m.syncDir(m.dir)
}

func (m *modules) syncDir(path string) error {
	if !m.sync {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// MissingModules implements schedpb.JobsServer.
func (s *Server) MissingModules(ctx context.Context,
	req *schedpb.MissingModulesRequest) (*schedpb.MissingModulesResponse, error) {
	tenant, err := s.tenant(ctx)
	if err != nil {
		return nil, err
	}
	if len(req.Sha256) > maxHashes {
		return nil, status.Errorf(codes.InvalidArgument, "%d modules asked for at once; at most %d", len(req.Sha256),
			maxHashes)
	}
	missing := &schedpb.MissingModulesResponse{}
	for _, hash := range req.Sha256 {
		if !validHash(hash) {
			return nil, badHash(hash)
		}
		if !s.modules.owned(tenant, hash) {
			missing.Sha256 = append(missing.Sha256, hash)
		}
	}
	return missing, nil
}

func badHash(hash string) error {
	return status.Errorf(codes.InvalidArgument, "%.80q is not a SHA-256 in lower-case hex", hash)
}

// PutModule implements schedpb.JobsServer.
func (s *Server) PutModule(stream grpc.ClientStreamingServer[schedpb.ModuleChunk, schedpb.PutModuleResponse]) error {
	tenant, err := s.tenant(stream.Context())
	if err != nil {
		return err
	}
	return s.untilHalt(func() error { return s.takeModule(tenant, stream) })
}

func (s *Server) takeModule(tenant core.Tenant,
	stream grpc.ClientStreamingServer[schedpb.ModuleChunk, schedpb.PutModuleResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	hash := first.Sha256
	if !validHash(hash) {
		return badHash(hash)
	}
	chunk := first
	err = s.modules.put(tenant, hash, func() ([]byte, error) {
		if chunk == nil {
			if chunk, err = stream.Recv(); err != nil {
				return nil, err
			}
		}
		data := chunk.Data
		chunk = nil
		if len(data) > maxChunk {
			return nil, status.Errorf(codes.InvalidArgument, "a chunk of module %s has %d bytes; at most %d", hash, len(data),
				maxChunk)
		}
		return data, nil
	})
	if err != nil {
		return err
	}
	return stream.SendAndClose(&schedpb.PutModuleResponse{})
}

// GetModule implements schedpb.WorkersServer.
func (s *Server) GetModule(req *schedpb.GetModuleRequest,
	stream grpc.ServerStreamingServer[schedpb.ModuleChunk]) error {
	if !validHash(req.Sha256) {
		return badHash(req.Sha256)
	}
	return s.untilHalt(func() error {
		if err := s.mayHave(stream.Context(), req); err != nil {
			return err
		}
		return s.sendModule(req, stream)
	})
}

// mayHave lets a worker have the modules of the jobs that it holds. One that does not say which it is, as those of
// 0.1.0, is any that the caller may act as.
func (s *Server) mayHave(ctx context.Context, req *schedpb.GetModuleRequest) error {
	if err := s.worker(ctx, req.Worker); err != nil {
		return err
	}
	var holders []core.WorkerName
	if err := s.do(func(r *reactor) { holders = r.holders(core.WorkerName(req.Worker), req.Sha256) }); err != nil {
		return err
	}
	for _, name := range holders {
		if s.worker(ctx, string(name)) == nil {
			return nil
		}
	}
	return status.Errorf(codes.NotFound, "no job of this worker's runs module %s", req.Sha256)
}

// holders are the workers, or the one of that name, that hold a job with the module.
func (r *reactor) holders(only core.WorkerName, hash string) []core.WorkerName {
	var found []core.WorkerName
	for _, w := range r.state.Workers() {
		if only != "" && w.Name != only {
			continue
		}
		if slices.ContainsFunc(w.Jobs, func(id core.JobID) bool { return runs(r.state.Job(id), hash) }) {
			found = append(found, w.Name)
		}
	}
	return found
}

// runs reports whether the module is one of the job's programs.
func runs(j *core.Job, hash string) bool {
	if !bytes.Contains(j.Spec, []byte(hash)) {
		return false // most of them, without reading a description that may be long
	}
	spec := &schedpb.JobSpec{}
	return proto.Unmarshal(j.Spec, spec) == nil &&
		slices.ContainsFunc(spec.Apps, func(a *schedpb.App) bool { return a.GetModuleSha256() == hash })
}

func (s *Server) sendModule(req *schedpb.GetModuleRequest,
	stream grpc.ServerStreamingServer[schedpb.ModuleChunk]) error {
	f, err := os.Open(s.modules.path(req.Sha256))
	if errors.Is(err, fs.ErrNotExist) {
		return status.Errorf(codes.NotFound, "there is no module %s", req.Sha256)
	}
	if err != nil {
		return status.Errorf(codes.Internal, "reading module %s: %v", req.Sha256, err)
	}
	defer f.Close()
	chunk := &schedpb.ModuleChunk{Sha256: req.Sha256}
	for {
		// gRPC keeps a sent message's bytes until they are on the wire: each chunk needs its own.
		buf := make([]byte, maxChunk)
		n, err := io.ReadFull(f, buf)
		chunk.Data = buf[:n]
		if n > 0 || chunk.Sha256 != "" {
			if err := stream.Send(chunk); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return status.Errorf(codes.Internal, "reading module %s: %v", req.Sha256, err)
		}
		chunk = &schedpb.ModuleChunk{}
	}
}
