// Package daemon owns the processes that stay: the scheduler, the worker and its children as verbs of the command line,
// certificates, identity of callers, and the scheduler and worker that a launcher embeds.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/faasmrun/faasmrun/faasmrun/cli"
	"github.com/faasmrun/faasmrun/faasmrun/client"
)

// untilTold is a context that ends with SIGINT or SIGTERM, as daemons are ended.
func untilTold() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}

// hangups are the SIGHUPs from now on, which a daemon does not end by: neither when its terminal goes away. Of several
// while one is answered, one more is: it reads what is there then.
func hangups() <-chan os.Signal {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGHUP)
	return told
}

// onHangup calls f for each of them, until the context ends or stop is called.
func onHangup(ctx context.Context, told <-chan os.Signal, f func()) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-told:
				f()
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

func daemonLog(verbose bool) *slog.Logger {
	level := slog.LevelInfo
	if verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// listenUnix makes a socket that its own user alone may connect to, or everyone on this machine. The latter is for
// root's daemons: where executors run as their worker's user, whoever may submit a job may read that user's files. A
// socket that a dead daemon left is replaced; one that answers is not.
func listenUnix(address string, everyone bool) (net.Listener, error) {
	path, ok := strings.CutPrefix(address, "unix:")
	if path = strings.TrimPrefix(path, "//"); !ok || path == "" {
		return nil, cli.Usagef("--listen %q is not of the form unix:PATH or HOST:PORT", address)
	}
	if len(path) > client.MaxSocketPath {
		return nil, cli.Usagef("--listen %q is longer than the %d bytes that a socket's name may have", address,
			client.MaxSocketPath)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		if conn, err := net.Dial("unix", path); err == nil {
			conn.Close()
			return nil, fmt.Errorf("another daemon answers at %s", address)
		}
		os.Remove(path)
	}
	// Nobody else may connect between the making of the socket and a change of its mode, so it is made with that mode.
	mask := 0o177
	if everyone {
		mask = 0o111
	}
	defer unix.Umask(unix.Umask(mask))
	return net.Listen("unix", path)
}

// peerUser says who is at the other end of a connection: the kernel's word, not the client's.
type peerUser struct {
	credentials.CommonAuthInfo
	uid uint32
	pid int32 // 0: in a pid namespace that is not seen from here
}

// AuthType implements credentials.AuthInfo.
func (peerUser) AuthType() string { return "unix peer" }

// peerCredentials are a local socket's transport credentials: no encryption, and the identity of the kernel.
type peerCredentials struct{}

func (peerCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("a server's credentials")
}

func (peerCredentials) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, nil, fmt.Errorf("a connection of kind %T has no user", conn)
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var user *unix.Ucred
	var fault error
	if err := raw.Control(func(fd uintptr) {
		user, fault = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return nil, nil, err
	}
	if fault != nil {
		return nil, nil, fault
	}
	return conn, peerUser{credentials.CommonAuthInfo{SecurityLevel: credentials.PrivacyAndIntegrity}, user.Uid, user.Pid},
		nil
}

func (peerCredentials) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: "unix peer"}
}
func (c peerCredentials) Clone() credentials.TransportCredentials { return c }
func (peerCredentials) OverrideServerName(string) error           { return nil }

// identify names the tenant of a call: the user who is connected.
func identify(ctx context.Context) (string, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return "", errors.New("the connection has no other end")
	}
	user, ok := p.AuthInfo.(peerUser)
	if !ok {
		return "", errors.New("the connection does not say who is at its other end")
	}
	return UserTenant(user.uid), nil
}

// callerEnded gives a channel that is closed when the process at a local connection's other end has ended; nil: nobody
// can tell.
func callerEnded(ctx context.Context) <-chan struct{} {
	p, _ := peer.FromContext(ctx)
	if p == nil {
		return nil
	}
	user, ok := p.AuthInfo.(peerUser)
	if !ok || user.pid <= 0 {
		return nil
	}
	fd, err := unix.PidfdOpen(int(user.pid), unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer file.Close()
		err := raw.Read(func(fd uintptr) bool {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
			return err == nil && n == 1
		})
		if err == nil {
			close(ended)
		}
	}()
	return ended
}

// UserTenant is the tenant that a local user is.
func UserTenant(uid uint32) string { return "uid:" + strconv.FormatUint(uint64(uid), 10) }

func daemonServer(creds credentials.TransportCredentials) *grpc.Server {
	return grpc.NewServer(grpc.Creds(creds), grpc.MaxRecvMsgSize(client.MaxMessage),
		grpc.MaxSendMsgSize(client.MaxMessage))
}
