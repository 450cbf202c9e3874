package client

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/home"
	"github.com/faasmrun/faasmrun/scheduler/auth"
)

// MaxMessage is what a message may hold: a job's description with its arguments and environment, a piece of a module.
const MaxMessage = 16 << 20

// reconnectBackoff keeps the pauses between two tries at a lost scheduler short: gRPC's own grow to two minutes, for
// which a job does not wait for its launcher, nor the scheduler for a worker.
var reconnectBackoff = backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2,
	MaxDelay: 2 * time.Second}

const connectTimeout = 10 * time.Second

// Dial connects to a daemon: on this machine by a socket, elsewhere by TCP with the certificates of the cluster. The
// connection is made with the first call.
func Dial(address string) (*grpc.ClientConn, error) {
	return DialAs(address, os.Getenv("FAASMRUN_CERTS"), auth.Who{Role: auth.Tenant})
}

// DialAs takes the certificates in a directory; "" is the home's. They have to be of the role that is to call, and of
// its name if it has one already.
func DialAs(address, certs string, who auth.Who) (*grpc.ClientConn, error) {
	target, creds := address, insecure.NewCredentials()
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" || len(path) > MaxSocketPath {
			return nil, cli.Usagef("scheduler address %q is not of the form unix:PATH with at most %d bytes", address,
				MaxSocketPath)
		}
		target = "unix:" + path
	} else {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			return nil, cli.Usagef("scheduler address %q is not of the form unix:PATH or HOST:PORT", address)
		}
		var err error
		if creds, err = clientCertificates(certs, who); err != nil {
			return nil, err
		}
		target = "dns:///" + address
	}
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(creds),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnectBackoff, MinConnectTimeout: connectTimeout}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxMessage), grpc.MaxCallSendMsgSize(MaxMessage)))
	if err != nil {
		return nil, fmt.Errorf("scheduler %s: %w", address, err)
	}
	return conn, nil
}

func clientCertificates(dir string, who auth.Who) (credentials.TransportCredentials, error) {
	if dir == "" {
		h, err := home.Find()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(h.State, "certs")
	}
	files, err := auth.OpenFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("a scheduler on TCP asks for a certificate; set FAASMRUN_CERTS to its directory: %w", err)
	}
	if err := CheckRole(files, who); err != nil {
		return nil, err
	}
	return files.Client()
}

// CheckRole finds out at the start that a certificate is for somebody else: the other side would only say so, again and
// again, later.
func CheckRole(files *auth.Files, want auth.Who) error {
	own, err := files.Own()
	switch {
	case err != nil:
		return err
	case own.Role != want.Role:
		return cli.Usagef("the certificate of %s %s is no %s's; faasmrun auth issue %s NAME makes one", own.Role, own.Name,
			want.Role, want.Role)
	case want.Name != "" && own.Name != want.Name:
		return cli.Usagef("the certificate is of %s %s, not of %s: give --name %s, or the other certificate", own.Role,
			own.Name, want.Name, own.Name)
	}
	return nil
}

// MaxSocketPath is Linux's limit, without the final NUL.
const MaxSocketPath = 107
