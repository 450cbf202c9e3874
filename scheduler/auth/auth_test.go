package auth

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// realm is an authority with a server that says who calls.
type realm struct {
	t        *testing.T
	a        *Authority
	dir      string
	listener *bufconn.Listener
	files    *Files
}

type whoServer struct {
	grpc_health_v1.UnimplementedHealthServer
	files *Files
	last  Who
}

func (s *whoServer) Check(ctx context.Context,
	_ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	who, err := s.files.Caller(ctx)
	if err != nil {
		return nil, status.Error(codes.Unauthenticated, err.Error())
	}
	s.last = who
	return &grpc_health_v1.HealthCheckResponse{}, nil
}

func newRealm(t *testing.T) (*realm, *whoServer) {
	r := &realm{t: t, dir: t.TempDir(), listener: bufconn.Listen(1 << 16)}
	var err error
	r.a, err = Create(filepath.Join(r.dir, "ca"), "test", 24*time.Hour)
	ok(t, err)
	r.issue(Scheduler, "s", time.Hour)
	r.files, err = OpenFiles(filepath.Join(r.dir, "s"))
	ok(t, err)
	g := grpc.NewServer(grpc.Creds(r.files.Server()))
	server := &whoServer{files: r.files}
	grpc_health_v1.RegisterHealthServer(g, server)
	go g.Serve(r.listener)
	t.Cleanup(g.Stop)
	return r, server
}

func (r *realm) issue(role Role, name string, life time.Duration) string {
	r.t.Helper()
	dir := filepath.Join(r.dir, name)
	ok(r.t, r.a.Issue(role, name, dir, life))
	return dir
}

func (r *realm) dial(creds credentials.TransportCredentials) func() error {
	conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(creds),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return r.listener.DialContext(ctx) }))
	ok(r.t, err)
	r.t.Cleanup(func() { conn.Close() })
	return func() error {
		_, err := grpc_health_v1.NewHealthClient(conn).Check(r.t.Context(), &grpc_health_v1.HealthCheckRequest{})
		return err
	}
}

func (r *realm) client(dir string) func() error {
	r.t.Helper()
	f, err := OpenFiles(dir)
	ok(r.t, err)
	creds, err := f.Client()
	ok(r.t, err)
	return r.dial(creds)
}

func refused(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Errorf("expected %q, got %v", words, err)
	}
}

func TestTheCertificateSaysWho(t *testing.T) {
	r, server := newRealm(t)
	for _, want := range []Who{{Tenant, "alice"}, {Worker, "n1"}} {
		ok(t, r.client(r.issue(want.Role, want.Name, time.Hour))())
		if server.last != want {
			t.Errorf("%v is taken for %v", want, server.last)
		}
	}
}

func TestRevocationCountsFromTheNextCall(t *testing.T) {
	r, _ := newRealm(t)
	alice, bob := r.client(r.issue(Tenant, "alice", time.Hour)), r.client(r.issue(Tenant, "bob", time.Hour))
	ok(t, alice())
	n, err := r.a.Revoke(func(i Issued) bool { return i.Name == "alice" })
	ok(t, err)
	if n != 1 {
		t.Errorf("%d certificates are revoked", n)
	}
	list, err := os.ReadFile(filepath.Join(r.dir, "ca", crlFile))
	ok(t, err)
	ok(t, replace(filepath.Join(r.dir, "s", crlFile), list, 0o644))
	refused(t, alice(), "of tenant alice is revoked")
	ok(t, bob())
	all, err := r.a.List()
	ok(t, err)
	if len(all) != 3 || !all[0].Revoked || all[1].Revoked {
		t.Errorf("%+v", all)
	}
	// A damaged list lets nobody in.
	ok(t, replace(filepath.Join(r.dir, "s", crlFile), list[:len(list)/2], 0o644))
	refused(t, bob(), "list of revoked certificates")
}

func TestStrangersAreRefused(t *testing.T) {
	r, _ := newRealm(t)
	other, _ := newRealm(t)
	// A certificate of another authority, even by one who knows ours.
	dir := other.issue(Tenant, "alice", time.Hour)
	refused(t, r.client(dir)(), "certificate signed by unknown authority")
	trusted, err := os.ReadFile(filepath.Join(r.dir, "ca", caFile))
	ok(t, err)
	ok(t, os.Remove(filepath.Join(dir, crlFile)))
	ok(t, replace(filepath.Join(dir, caFile), trusted, 0o644))
	if err := r.client(dir)(); status.Code(err) != codes.Unavailable {
		t.Errorf("another authority's certificate: %v", err)
	}
	if err := impostor(t, r); status.Code(err) != codes.Unavailable {
		t.Errorf("a worker passes for the scheduler: %v", err)
	}
}

// impostor is a server with a worker's certificate.
func impostor(t *testing.T, r *realm) error {
	dir := r.issue(Worker, "n9", time.Hour)
	f, err := OpenFiles(dir)
	ok(t, err)
	listener := bufconn.Listen(1 << 16)
	g := grpc.NewServer(grpc.Creds(f.Server()))
	go g.Serve(listener)
	t.Cleanup(g.Stop)
	fake := &realm{t: t, dir: r.dir, a: r.a, listener: listener}
	return fake.client(r.issue(Tenant, "carol", time.Hour))()
}

func TestExpired(t *testing.T) {
	r, _ := newRealm(t)
	dir := r.issue(Tenant, "alice", time.Minute)
	call := r.client(dir)
	ok(t, call())
	// A connection that outlives its certificate is refused at the next call.
	r.files.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	refused(t, call(), "of tenant alice expired on")
	ok(t, r.a.Issue(Tenant, "alice", dir, -time.Minute))
	_, err := OpenFiles(dir)
	refused(t, err, "expired on")
}

func TestRotate(t *testing.T) {
	r, _ := newRealm(t)
	old := r.issue(Tenant, "alice", time.Hour)
	ok(t, r.a.Rotate(time.Hour))
	ok(t, r.a.Issue(Scheduler, "s", filepath.Join(r.dir, "s"), time.Hour)) // trusts both, and is of the new one
	bundle, err := os.ReadFile(filepath.Join(r.dir, "ca", caFile))
	ok(t, err)
	ok(t, replace(filepath.Join(old, caFile), bundle, 0o644))
	ok(t, r.client(old)())
	again, err := Load(filepath.Join(r.dir, "ca"))
	ok(t, err)
	ok(t, again.Retire())
	ok(t, again.Issue(Scheduler, "s", filepath.Join(r.dir, "s"), time.Hour))
	if err := r.client(old)(); err == nil {
		t.Error("a certificate of a retired key is good")
	}
	ok(t, again.Issue(Tenant, "alice", old, time.Hour))
	ok(t, r.client(old)())
}

func TestBadNames(t *testing.T) {
	r, _ := newRealm(t)
	for _, name := range []string{"", "a b", "a/b", "a\x00", strings.Repeat("n", 65), "ä"} {
		if err := r.a.Issue(Tenant, name, t.TempDir(), time.Hour); err == nil {
			t.Errorf("%q has a certificate", name)
		}
	}
	if err := r.a.Issue("king", "a", t.TempDir(), time.Hour); err == nil {
		t.Error("any role goes")
	}
	if _, err := Create(filepath.Join(r.dir, "ca"), "x", time.Hour); err == nil {
		t.Error("an authority was overwritten")
	}
}
