package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/faasmrun/faasmrun/scheduler/auth"
	"github.com/faasmrun/faasmrun/scheduler/schedpb"
)

// link is a way to a scheduler: a daemon's, or one that this launcher embeds.
type link struct {
	conn *grpc.ClientConn
	// stopSelf stops this process as Ctrl-Z does, once the ranks are stopped, and returns when it goes on.
	stopSelf func()
	closers  []func() // run last to first
}

func (l *link) close() {
	for i := len(l.closers) - 1; i >= 0; i-- {
		l.closers[i]()
	}
	l.closers = nil
}

// connect finds the scheduler: the one at an address, or one of our own.
func connect(address string, here machine, slots int) (*link, error) {
	if address == "" {
		return embed(here, slots)
	}
	conn, err := dial(address)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn, closers: []func(){func() { conn.Close() }}}
	l.stopSelf = func() {
		// The answer to any question says that the signal, which was sent before it, has arrived.
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		schedpb.NewJobsClient(conn).MissingModules(ctx, &schedpb.MissingModulesRequest{})
		stopProcess()
	}
	return l, nil
}

// maxMessage is what a message may hold: a job's description with its arguments and environment, a piece of a module.
const maxMessage = 16 << 20

// reconnectBackoff keeps the pauses between two tries at a lost scheduler short: gRPC's own grow to two minutes, for which a job
// does not wait for its launcher, nor the scheduler for a worker.
var reconnectBackoff = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}

const connectTimeout = 10 * time.Second

// dial connects to a daemon: on this machine by a socket, elsewhere by TCP with the certificates of the cluster. The
// connection is made with the first call.
func dial(address string) (*grpc.ClientConn, error) {
	return dialAs(address, os.Getenv("FAASMRUN_CERTS"), auth.Who{Role: auth.Tenant})
}

// dialAs takes the certificates in a directory; "" is the home's. They have to be of the role that is to call, and of its name if it has
// one already.
func dialAs(address, certs string, who auth.Who) (*grpc.ClientConn, error) {
	target, creds := address, insecure.NewCredentials()
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" || len(path) > maxSocketPath {
			return nil, usagef("scheduler address %q is not of the form unix:PATH with at most %d bytes", address, maxSocketPath)
		}
		target = "unix:" + path
	} else {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, usagef("scheduler address %q is not of the form unix:PATH or HOST:PORT", address)
		}
		var err error
		if creds, err = clientCertificates(certs, who); err != nil {
			return nil, err
		}
		target = "dns:///" + address
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnectBackoff, MinConnectTimeout: connectTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("scheduler %s: %w", address, err)
	}
	return conn, nil
}

func clientCertificates(dir string, who auth.Who) (credentials.TransportCredentials, error) {
	if dir == "" {
		h, err := findHome()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(h.state, "certs")
	}
	files, err := auth.OpenFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("a scheduler elsewhere asks for a certificate (FAASMRUN_CERTS names its directory): %w", err)
	}
	if err := checkRole(files, who); err != nil {
		return nil, err
	}
	return files.Client()
}

// checkRole finds out at the start that a certificate is for somebody else: the other side would only say so, again and again, later.
func checkRole(files *auth.Files, want auth.Who) error {
	own, err := files.Own()
	switch {
	case err != nil:
		return err
	case own.Role != want.Role:
		return usagef("the certificate of %s %s is no %s's; faasmrun auth issue %s NAME makes one", own.Role, own.Name, want.Role, want.Role)
	case want.Name != "" && own.Name != want.Name:
		return usagef("the certificate is of %s %s, not of %s: give --name %s, or the other certificate", own.Role, own.Name, want.Name, own.Name)
	}
	return nil
}

// maxSocketPath is Linux's limit, without the final NUL.
const maxSocketPath = 107

// stopProcess stops this process until someone continues it.
func stopProcess() { unix.Kill(os.Getpid(), unix.SIGSTOP) }

// childrenStopped waits until every process that this one has started is stopped, for a bounded time: the shell is to
// see the launcher stop last.
func childrenStopped() {
	for deadline := time.Now().Add(stopTimeout); time.Now().Before(deadline); time.Sleep(stopTimeout / 200) {
		if !anyChildRuns() {
			return
		}
	}
}

// anyChildRuns looks at the state of this process's children.
func anyChildRuns() bool {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false
	}
	for _, t := range threads {
		list, err := os.ReadFile("/proc/self/task/" + t.Name() + "/children")
		if err != nil {
			continue
		}
		for _, child := range strings.Fields(string(list)) {
			stat, err := os.ReadFile("/proc/" + child + "/stat")
			if err != nil {
				continue
			}
			// The state follows the name, which is in parentheses and may hold anything.
			_, state, _ := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
			if !strings.HasPrefix(state, "T") && !strings.HasPrefix(state, "Z") {
				return true
			}
		}
	}
	return false
}

// stopTimeout bounds how long a stop waits for the ranks to be stopped first.
const stopTimeout = time.Second
