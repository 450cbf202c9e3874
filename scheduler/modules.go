package scheduler

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// modules keeps programs as <sha256>.wasm files. A file appears whole, under a name that its bytes prove, so several
// processes may share the directory.
type modules struct {
	dir  string
	max  int64
	sync bool
}

const (
	maxChunk     = 1 << 20
	maxHashes    = 1024 // asked for in one call
	partPattern  = ".put-*"
	partsLinger  = time.Hour // an older part is no longer being written
	moduleSuffix = ".wasm"
)

func openModules(dir string, limit int64, sync bool) (*modules, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the module store: %w", err)
	}
	parts, err := filepath.Glob(filepath.Join(dir, partPattern))
	for _, part := range parts {
		if info, err := os.Stat(part); err == nil && time.Since(info.ModTime()) > partsLinger {
			os.Remove(part) // left by a crash; if it can't be removed it only takes room
		}
	}
	return &modules{dir, limit, sync}, err
}

// validHash says whether a name is the lower-case hex of a SHA-256, and so safe as a file's name.
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

// put stores what next hands out until io.EOF, if its hash is the given one.
func (m *modules) put(hash string, next func() ([]byte, error)) (err error) {
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
	if err := m.publish(part, hash); err != nil {
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
			return status.Errorf(codes.InvalidArgument, "module %s is larger than %d MiB, the most this scheduler takes", hash, m.max>>20)
		}
		sum.Write(data)
		if _, err := part.Write(data); err != nil {
			return status.Errorf(codes.Internal, "storing module %s: %v", hash, err)
		}
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return status.Errorf(codes.InvalidArgument, "the module sent as %s has the SHA-256 %s: it was damaged or misnamed on its way", hash, got)
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
	if !m.sync {
		return nil
	}
	dir, err := os.Open(m.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// MissingModules implements schedpb.JobsServer.
func (s *Server) MissingModules(_ context.Context, req *schedpb.MissingModulesRequest) (*schedpb.MissingModulesResponse, error) {
	if len(req.Sha256) > maxHashes {
		return nil, status.Errorf(codes.InvalidArgument, "%d modules asked for at once; at most %d", len(req.Sha256), maxHashes)
	}
	missing := &schedpb.MissingModulesResponse{}
	for _, hash := range req.Sha256 {
		if !validHash(hash) {
			return nil, badHash(hash)
		}
		if !s.modules.has(hash) {
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
	if _, err := s.tenant(stream.Context()); err != nil {
		return err
	}
	return s.untilHalt(func() error { return s.takeModule(stream) })
}

func (s *Server) takeModule(stream grpc.ClientStreamingServer[schedpb.ModuleChunk, schedpb.PutModuleResponse]) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	hash := first.Sha256
	if !validHash(hash) {
		return badHash(hash)
	}
	chunk := first
	err = s.modules.put(hash, func() ([]byte, error) {
		if chunk == nil {
			if chunk, err = stream.Recv(); err != nil {
				return nil, err
			}
		}
		data := chunk.Data
		chunk = nil
		if len(data) > maxChunk {
			return nil, status.Errorf(codes.InvalidArgument, "a chunk of module %s has %d bytes; at most %d", hash, len(data), maxChunk)
		}
		return data, nil
	})
	if err != nil {
		return err
	}
	return stream.SendAndClose(&schedpb.PutModuleResponse{})
}

// GetModule implements schedpb.WorkersServer.
func (s *Server) GetModule(req *schedpb.GetModuleRequest, stream grpc.ServerStreamingServer[schedpb.ModuleChunk]) error {
	if !validHash(req.Sha256) {
		return badHash(req.Sha256)
	}
	if err := s.worker(stream.Context(), ""); err != nil {
		return err
	}
	return s.untilHalt(func() error { return s.sendModule(req, stream) })
}

func (s *Server) sendModule(req *schedpb.GetModuleRequest, stream grpc.ServerStreamingServer[schedpb.ModuleChunk]) error {
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
